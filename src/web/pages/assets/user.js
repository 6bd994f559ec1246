// ==UserScript==
// @name         Lightning Sync status to __ORG__
// @namespace    lightning-sync-exporter
// @version      1
// @description  A button on Salesforce's setup pages that copies the page and opens the paste box of __ORG__.
// @match        https://*.lightning.force.com/lightning/setup/*
// @match        https://*.salesforce-setup.com/*
// @match        https://*.my.salesforce.com/*
// @grant        none
// ==/UserScript==
(function () {
  "use strict";
  var id = "lightning-sync-exporter-copy";
  function offer() {
    if (document.getElementById(id) || !/Lightning Sync/.test(document.body.textContent)) return;
    var button = document.createElement("button");
    button.id = id;
    button.type = "button";
    button.textContent = "Copy for __ORG__";
    Object.assign(button.style, { position: "fixed", right: "16px", bottom: "16px", zIndex: "99999", padding: "8px 12px" });
    button.addEventListener("click", function () {
      button.remove();
      __COPY__;
    });
    document.body.appendChild(button);
  }
  // Such pages change all the time: they are read again once they have been quiet for a moment.
  var soon;
  function changed() {
    clearTimeout(soon);
    soon = setTimeout(offer, 500);
  }
  offer();
  new MutationObserver(changed).observe(document.body, { childList: true, subtree: true });
})();
