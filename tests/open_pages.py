"""Opens pages of --html, and the index of a gallery, in a browser: open_pages.py FOLDER.

Every close of every page must reach its last step, every link of the index lead to a page that is there,
and nothing be complained of. Prints what is wrong; the status is 1 then."""
import pathlib
import sys

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

# Each close to its end: what does not get there.
TO_THE_END = """
return stories.filter((story, i) => {
  choose(i);
  go(lastStep(), false);
  return view.step !== story.steps.length - 1 || !document.querySelector('#ladder .chip');
}).map(story => 'close #' + story.number + ' does not reach its end').concat(stories.length ? [] : ['there is no close']);
"""

LINKS = "return [...document.querySelectorAll('h2 a')].map(a => a.getAttribute('href'));"
PICTURES = "return [...document.images].filter(i => i.naturalWidth === 0).map(i => i.alt + ' is not shown');"


def main(folder):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    browser = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    wrong = []
    pages = sorted(folder.glob("*.html"))
    try:
        for page in pages:
            browser.get(page.as_uri())
            if page.name == "index.html":
                linked = sorted(browser.execute_script(LINKS))
                there = [p.name for p in pages if p != page]
                problems = browser.execute_script(PICTURES)
                if linked != there:
                    problems.append(f"it links {linked}, and there are {there}")
            else:
                problems = browser.execute_script(TO_THE_END)
            problems += [entry["message"] for entry in browser.get_log("browser")]
            wrong += [f"{page.name}: {problem}" for problem in problems]
    finally:
        browser.quit()
    if not pages:
        wrong.append(f"there is no page in {folder}")
    print(*(wrong or [f"{len(pages)} pages, all to their end"]), sep="\n")
    return 1 if wrong else 0


sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
