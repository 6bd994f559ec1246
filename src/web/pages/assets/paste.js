"use strict";
// Takes the clipboard's HTML before its text, so that check marks survive. Without this script, text is pasted.
const box = document.getElementById("content");
const pasted = document.getElementById("pasted");
if (box) box.addEventListener("paste", (event) => {
  const html = event.clipboardData && event.clipboardData.getData("text/html");
  if (!html) return;
  event.preventDefault();
  box.value = html.trimStart().startsWith("<") ? html : "<div>" + html + "</div>";
  pasted.textContent = "The page was pasted with its marks: " + box.value.length + " characters.";
});
// The server cannot see under which address it was opened; here it is known.
const mark = document.getElementById("bookmarklet");
if (mark) mark.href = mark.getAttribute("href").replace(encodeURIComponent(mark.dataset.base), encodeURIComponent(location.origin));
