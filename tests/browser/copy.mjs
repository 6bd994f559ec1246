// Copies saved status pages with the bookmarklet and the userscript, in a real Chromium and under a content security
// policy that allows no script at all, pastes them into the paste box, stores them, and prints what the box showed.
//
// plan: { chromium, box: address of the paste box, pages: [{ name, html }] }
//
// A browser runs a bookmarklet as its user's own act, whatever the page's policy says; bookmarks themselves cannot be
// clicked from here. Two things stand for that act: the debugger's evaluation, with a user's gesture, on a page whose
// policy allows no script at all; and a real click on a link with the bookmarklet's address, on the same page without a
// policy, because a browser takes a page's own link for the page's act.
import { chromium } from "playwright-core";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const plan = JSON.parse(readFileSync(0, "utf8"));
const POLICY = "default-src 'none'; script-src 'none'; style-src 'none'; frame-src 'self'; connect-src 'none'; form-action 'none'; frame-ancestors 'self'; base-uri 'none'";
const served = new Map(plan.pages.map((page) => [`/${page.name}`, page.html]));
const saved = createServer((request, response) => {
  const { pathname, search } = new URL(request.url, "http://localhost");
  const policy = search === "?open" ? {} : { "content-security-policy": POLICY };
  response.writeHead(200, { "content-type": "text/html; charset=utf-8", ...policy });
  response.end(served.get(pathname) ?? "");
});
await new Promise((listening) => saved.listen(0, "127.0.0.1", listening));
const at = `http://127.0.0.1:${saved.address().port}`;
const browser = await chromium.launch({
  executablePath: plan.chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const context = await browser.newContext();
const box = await context.newPage();
await box.goto(plan.box);
const address = await box.locator("#bookmarklet").getAttribute("href");
const bookmarklet = decodeURIComponent(address.replace(/^javascript:/, ""));
const userscript = await (await context.request.get(`${plan.box}/lightning-sync.user.js`)).text();
await box.close();

const results = [];
for (const { name } of plan.pages.filter((page) => !page.within)) {
  for (const way of ["bookmarklet", "link", "userscript"]) {
    const page = await context.newPage();
    const blocked = [];
    page.on("console", (message) => blocked.push(message.text()));
    await page.goto(`${at}/${name}${way === "link" ? "?open" : ""}`);
    const debug = await context.newCDPSession(page);
    const run = async (expression) => {
      const { exceptionDetails } = await debug.send("Runtime.evaluate", { expression, userGesture: true });
      if (exceptionDetails) throw new Error(`${name} ${way}: ${exceptionDetails.exception?.description}`);
    };
    const opened = context.waitForEvent("page");
    if (way === "bookmarklet") await run(bookmarklet);
    else if (way === "link") {
      await page.evaluate((href) => {
        const link = Object.assign(document.createElement("a"), { href, id: "clicked", textContent: "." });
        document.body.prepend(link);
      }, address);
      await page.locator("#clicked").click();
    } else {
      // The script offers itself on pages that speak of Lightning Sync.
      await run(`document.title = "Lightning Sync Status"; document.body.append(" Lightning Sync Status ");`);
      await run(userscript);
      await page.locator("#lightning-sync-exporter-copy").click();
    }
    const paste = await opened;
    await paste.waitForLoadState("load");
    await paste.locator("#content").click();
    await paste.keyboard.press("ControlOrMeta+V");
    const pasted = await paste.locator("#pasted").textContent();
    const content = await paste.locator("#content").inputValue();
    await paste.locator("button[value=show]").click();
    await paste.waitForLoadState("load");
    const rows = await paste.locator("section[aria-labelledby=understood] tbody tr").evaluateAll((all) => all.map((row) => row.innerText.replace(/\s+/g, " ").trim()));
    const trouble = await paste.locator("main [role=alert]").allInnerTexts();
    let stored = "";
    if (rows.length > 0) {
      await paste.locator("button[value=store]").click();
      await paste.waitForLoadState("load");
      stored = await paste.locator("main [role=status]").first().innerText();
    }
    results.push({ name, way, pasted, content, rows, trouble, stored, blocked });
    await paste.close();
    await page.close();
  }
}
await browser.close();
saved.close();
console.log(JSON.stringify(results));
