(function (paste) {
  // The page as it stands, without what is not shown; frames and shadow trees that can be read follow it.
  function copy(root) {
    var element = root.documentElement || root;
    var clone = element.cloneNode(true);
    clone.querySelectorAll("script,style,noscript,template").forEach(function (gone) { gone.remove(); });
    var html = element === root ? clone.innerHTML || "" : clone.outerHTML;
    root.querySelectorAll("*").forEach(function (each) {
      if (each.shadowRoot) html += Array.from(each.shadowRoot.children, copy).join("");
      if (each.tagName === "IFRAME" || each.tagName === "FRAME") {
        try { if (each.contentDocument) html += copy(each.contentDocument); } catch (other) { /* a frame of another site */ }
      }
    });
    return html;
  }
  var html = "<!doctype html>" + copy(document);
  var put = function (event) {
    event.clipboardData.setData("text/html", html);
    event.clipboardData.setData("text/plain", html);
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  window.addEventListener("copy", put, { capture: true, once: true });
  if (document.execCommand("copy")) window.open(paste, "_blank", "noopener");
  else { window.removeEventListener("copy", put, true); alert("The browser did not allow copying. Select all, copy, and open " + paste); }
})("__PASTE__")
