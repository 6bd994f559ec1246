// Looks at pages in a real Chromium, as a plan on standard input says, and prints what is wrong with them as JSON.
//
// plan: { chromium, looks: [{ name, url, status, first_screen: [text], paste: { content, press: [button] } }],
//         shots: directory for screenshots, or null }
// A look with `paste` fills in the paste box and presses its buttons one after the other; `status` is the last answer's.
// Every look is taken at both widths, light and dark. Nothing here decides what is right: the test that sends the plan does.
import { chromium } from "playwright-core";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const plan = JSON.parse(readFileSync(0, "utf8"));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const sizes = [
  { name: "desktop", width: 1280, height: 900 },
  { name: "phone", width: 390, height: 844 },
];
const hosts = new Set(plan.looks.map((look) => new URL(look.url).host));
const troubles = [];
const browser = await chromium.launch({
  executablePath: plan.chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
let looks = 0;
for (const size of sizes) {
  for (const scheme of ["light", "dark"]) {
    const context = await browser.newContext({ viewport: { width: size.width, height: size.height }, colorScheme: scheme });
    const page = await context.newPage();
    let at = "";
    const trouble = (what) => troubles.push(`${at}: ${what}`);
    let refused = false;
    page.on("console", (message) => {
      // The browser notes every answer that is none of success.
      if (refused && /^Failed to load resource: the server responded with a status of 4/.test(message.text())) return;
      if (["error", "warning"].includes(message.type())) trouble(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => trouble(`script: ${error.message}`));
    page.on("dialog", (dialog) => { trouble(`dialog: ${dialog.message()}`); dialog.dismiss(); });
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.protocol !== "data:" && !hosts.has(url.host)) trouble(`asks ${url}`);
    });
    for (const look of plan.looks) {
      at = `${look.name} ${size.name} ${scheme}`;
      looks += 1;
      const status = look.status ?? 200;
      refused = status !== 200;
      let answer = await page.goto(look.url, { waitUntil: "load" });
      if (look.paste) {
        await page.locator("#content").fill(look.paste.content);
        for (const button of look.paste.press) {
          const next = page.waitForResponse((response) => response.request().isNavigationRequest());
          await page.locator(`button[value=${button}]`).click();
          answer = await next;
          await page.waitForLoadState("load");
        }
      }
      if (answer.status() !== status) trouble(`status ${answer.status()}`);
      for (const word of await page.evaluate(broken)) trouble(`breaks in two: ${word}`);
      for (const wide of await page.evaluate(overflowing)) trouble(`overflows: ${wide}`);
      await page.evaluate(axe);
      const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
      for (const violation of found.violations) {
        trouble(`axe ${violation.id}: ${violation.nodes.map((node) => node.html.slice(0, 160)).slice(0, 3).join(" | ")}`);
      }
      if (size.name === "phone") {
        for (const text of look.first_screen ?? []) {
          const bottom = await page.evaluate(lowest, text);
          if (bottom === null) trouble(`does not show ${text}`);
          else if (bottom > size.height) trouble(`shows at ${bottom} px, below the first screen: ${text}`);
        }
      }
      if (plan.shots) {
        await page.screenshot({ path: `${plan.shots}/${look.name}-${size.name}-${scheme}.png`, fullPage: false });
        for (const [part, selector] of Object.entries(look.parts ?? {})) {
          await page.locator(selector).first().screenshot({ path: `${plan.shots}/${part}-${size.name}-${scheme}.png` });
        }
      }
    }
    await context.close();
  }
}
await browser.close();
console.log(JSON.stringify({ looks, troubles }));

// What sticks out of the window, if the window has to scroll sideways.
function overflowing() {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  return [...document.querySelectorAll("main *")]
    .filter((element) => element.getBoundingClientRect().right > width + 1)
    .slice(0, 3)
    .map((element) => element.outerHTML.slice(0, 160));
}

// Words and numbers of ours that a line's end cuts; what sources say may be cut anywhere.
function broken() {
  const found = [];
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node.parentElement.closest("bdi, svg, textarea, option, code, h1")) continue;
    for (const word of node.data.matchAll(/[\p{L}\p{N}][\p{L}\p{N}.,:]*/gu)) {
      const range = document.createRange();
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      const lines = new Set([...range.getClientRects()].filter((one) => one.width > 0).map((one) => Math.round(one.top)));
      if (lines.size > 1) found.push(`${word[0]} in ${node.parentElement.outerHTML.slice(0, 120)}`);
    }
  }
  // A figure at a glance stands in one line, whatever it is made of.
  for (const cell of document.querySelectorAll(".glance td, .glance th")) {
    for (const text of [...cell.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.data.trim())) {
      const range = document.createRange();
      range.selectNodeContents(text);
      if (new Set([...range.getClientRects()].map((one) => Math.round(one.top))).size > 1) found.push(cell.outerHTML.slice(0, 120));
    }
  }
  return found.slice(0, 5);
}

// Where the topmost element that has a text, and no child that has it, ends: pixels from the top; null when there is none.
function lowest(text) {
  const norm = (string) => string.replace(/\s+/g, " ").trim();
  const has = (element) => norm(element.textContent).includes(norm(text));
  const bottoms = [...document.querySelectorAll("main *")]
    .filter((element) => has(element) && ![...element.children].some(has))
    .map((element) => element.getBoundingClientRect().bottom);
  return bottoms.length > 0 ? Math.min(...bottoms) : null;
}
