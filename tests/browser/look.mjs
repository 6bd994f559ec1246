// Looks at pages in a real Chromium, as a plan on standard input says, and prints what is wrong with them as JSON.
//
// plan: { chromium, looks: [{ name, url, first_screen: [text], screenshot }], shots: directory or null }
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
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && trouble(`console: ${message.text()}`));
    page.on("pageerror", (error) => trouble(`script: ${error.message}`));
    page.on("dialog", (dialog) => { trouble(`dialog: ${dialog.message()}`); dialog.dismiss(); });
    page.on("request", (request) => { if (!request.url().startsWith("data:") && new URL(request.url()).host !== new URL(page.url() === "about:blank" ? request.url() : page.url()).host) trouble(`asks ${request.url()}`); });
    for (const look of plan.looks) {
      at = `${look.name} ${size.name} ${scheme}`;
      looks += 1;
      const answer = await page.goto(look.url, { waitUntil: "load" });
      if (answer.status() !== 200) trouble(`status ${answer.status()}`);
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
      if (plan.shots && look.shots?.includes(`${size.name}-${scheme}`)) {
        await page.screenshot({ path: `${plan.shots}/${look.name}-${size.name}-${scheme}.png`, fullPage: size.name === "desktop" ? false : false });
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

// Where the smallest element with a text ends, in pixels from the top; null when there is none.
function lowest(text) {
  const norm = (string) => string.replace(/\s+/g, " ").trim();
  const having = [...document.querySelectorAll("main *")].filter((element) => norm(element.textContent).includes(norm(text)));
  const smallest = having.at(-1) && having.reduce((best, next) => (next.textContent.length <= best.textContent.length ? next : best));
  return smallest ? smallest.getBoundingClientRect().bottom : null;
}
