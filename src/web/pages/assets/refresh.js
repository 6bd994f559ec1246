"use strict";
// Loads the page again once a minute, so that what is left open is not old. Who marks a text, fills in a field or looks
// elsewhere is not disturbed.
setInterval(() => {
  const field = document.activeElement && document.activeElement.matches("input, select, textarea");
  if (!document.hidden && !field && getSelection().isCollapsed) location.reload();
}, 60000);
