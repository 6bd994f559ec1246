(function (paste) {
  // The page as it is shown: each element with its own tags, so that no texts run together, shadow trees with what is
  // put into their slots, and frames that can be read where they stand.
  var hidden = /^(SCRIPT|STYLE|NOSCRIPT|TEMPLATE)$/;
  var alone = /^(AREA|BASE|BR|COL|EMBED|HR|IMG|INPUT|LINK|META|SOURCE|TRACK|WBR)$/;
  function text(string) {
    return string.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  }
  function children(node) {
    return Array.from(node.childNodes, copy).join("");
  }
  function copy(node) {
    if (node.nodeType === 3) return text(node.data);
    if (node.nodeType !== 1 || hidden.test(node.tagName)) return "";
    // A form's hidden fields and passwords are not copied: tokens of the session are there.
    if (/^(INPUT|TEXTAREA)$/.test(node.tagName) && node.type !== "checkbox" && (/^(hidden|password|file)$/.test(node.type) || node.getClientRects().length === 0)) return "";
    var name = node.localName;
    var html = "<" + name;
    Array.from(node.attributes).forEach(function (one) { html += " " + one.name + '="' + text(one.value).replace(/"/g, "&quot;") + '"'; });
    html += ">";
    if (/^I?FRAME$/.test(node.tagName)) {
      var inner = null;
      try { inner = node.contentDocument; } catch (other) { /* of another site */ }
      return inner ? "<div>" + children(inner.body || inner.documentElement) + "</div>" : "";
    }
    if (alone.test(node.tagName)) return html;
    var put = name === "slot" ? node.assignedNodes() : [];
    var within = put.length > 0 ? put.map(copy).join("") : children(node.shadowRoot || node);
    return html + within + "</" + name + ">";
  }
  var html = "<!doctype html>" + copy(document.documentElement);
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
