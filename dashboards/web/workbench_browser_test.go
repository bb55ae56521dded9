package web_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"earshot"
	"earshot/metrics/query"
)

// TestBrowser runs what people do in a real Chromium, one tab for all.
func TestBrowser(t *testing.T) {
	srv, world := demo(t, 130)
	b := startBrowser(t, srv, world)
	b.run(t, b.size(1440, 900))
	for _, c := range []struct {
		name string
		run  func(*testing.T, *browser)
	}{
		{"FiltersNarrowTheListWithoutReload", filtersNarrow},
		{"PagingGoesOnAndBack", paging},
		{"SentencePlaysFromItsStart", sentencePlays},
		{"EvidenceJumpsAndLightsUp", evidenceJumps},
		{"KeysDriveThePlayer", keysDrive},
		{"ChangedVerdictReachesTheScore", verdictChanges},
		{"ScoreComesByItself", scoreComes},
		{"RefusedChangeSaysWhyAndKeepsTheForm", refusedChange},
		{"AgentAcknowledgesAndAppeals", agentAnswers},
		{"MomentOpensTheCallThere", momentOpens},
		{"LanguageAndThemeSwitch", switches},
		{"NothingOverflowsOnAPhone", noOverflow},
		{"FiltersFoldOnAPhone", filtersFold},
		{"TextStandsOutInBothThemes", contrast},
		{"FailedRequestLeavesAWayBack", wayBack},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.run(t, b)
			b.clean(t)
		})
	}
}

func filtersNarrow(t *testing.T, b *browser) {
	b.run(t, b.open("/interactions"), chromedp.Evaluate[chromedp.Void](`window.stays = true`))
	total := func(n int) step {
		return wait(fmt.Sprintf(`document.querySelector(".count")?.textContent.trim().startsWith("%d ")`, n))
	}
	b.run(t, total(135),
		chromedp.SetValue(chromedp.CSS(`[name=agent]`), "1002"),
		chromedp.Evaluate[chromedp.Void](`document.querySelector("[name=agent]").dispatchEvent(new Event("change", {bubbles: true}))`),
		total(45))
	if got := eval[string](t, b, `location.search`); got != "?agent=1002" {
		t.Errorf("the address is %q, want only the filter that is set", got)
	}
	b.run(t, click(`[name=appealed]`), total(1))
	// Typing asks more than once: only the last answer stays on the page.
	b.run(t, chromedp.SendKeys(chromedp.CSS(`[name=q]`), "nothing says this"),
		wait(`location.search.includes("q=nothing+says+this") && document.querySelector(".empty h2") !== null && document.querySelector(".htmx-request") === null`))
	if !eval[bool](t, b, `window.stays === true`) {
		t.Error("the page was loaded anew")
	}
	b.run(t, chromedp.Evaluate[chromedp.Void](`document.querySelector(".empty .button").click()`), total(135))
	b.run(t, chromedp.SendKeys(chromedp.CSS(`[name=q]`), "耳机"), total(45))
}

func paging(t *testing.T, b *browser) {
	first := `document.querySelector(".row-link").getAttribute("href")`
	b.run(t, b.open("/interactions"))
	top := eval[string](t, b, first)
	b.run(t, click(`a[rel=next]`), wait(`location.search === "?page=2" && document.querySelector(".row-link").getAttribute("href") !== "`+top+`"`))
	b.run(t, click(`a[rel=prev]`), wait(first+` === "`+top+`"`))
	b.run(t, chromedp.NavigateBack(), wait(`location.search === "?page=2" && document.querySelector(".paging").textContent.includes("51–100 of 135")`))
}

// seconds is where the player is.
const seconds = `document.querySelector("audio").currentTime`

func sentencePlays(t *testing.T, b *browser) {
	b.run(t, b.open("/interactions/"+poorCall), click(`.line[data-start="34000"] .said p`),
		wait(`!document.querySelector("audio").paused && `+seconds+` >= 34 && `+seconds+` < 39`),
		wait(`document.querySelector(".line.now")?.dataset.start === "34000"`))
	if got := eval[string](t, b, `document.querySelector("[data-do=toggle]").getAttribute("aria-label")`); got != "Pause" {
		t.Errorf("the button is called %q while the call plays", got)
	}
	b.run(t, click(`[data-do=toggle]`), wait(`document.querySelector("audio").paused`))
	if n := eval[int](t, b, `(() => { const c = document.querySelector("canvas"), d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data; let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n; })()`); n < 2000 {
		t.Errorf("the waveform has %d painted pixels", n)
	}
}

func evidenceJumps(t *testing.T, b *browser) {
	b.run(t, b.open("/interactions/"+poorCall), click(`#c-courtesy .evidence`),
		wait(seconds+` >= 47 && `+seconds+` < 52 && !document.querySelector("audio").paused`),
		wait(`document.querySelector(".line.flash")?.dataset.start === "47000"`))
	b.run(t, click(`.line[data-start="11000"] .mark`), wait(`document.querySelector("#c-card.flash") !== null`))
	b.run(t, b.open("/interactions/"+chat), click(`#c-response .evidence`), wait(`document.querySelector(".line.flash")?.textContent.includes("马上为您查询")`))
}

func keysDrive(t *testing.T, b *browser) {
	at := func(s string) step { return wait(fmt.Sprintf(`Math.abs(%s - %s) < 0.2`, seconds, s)) }
	b.run(t, b.open("/interactions/"+poorCall),
		chromedp.KeyEvent(" "), wait(`!document.querySelector("audio").paused`),
		chromedp.KeyEvent(" "), wait(`document.querySelector("audio").paused`),
		chromedp.Evaluate[chromedp.Void](`document.querySelector("audio").currentTime = 0`), at("0"),
		chromedp.KeyEvent(kb.ArrowRight), at("5"),
		chromedp.KeyEvent(kb.ArrowDown), at("11"),
		chromedp.KeyEvent(kb.ArrowDown), at("14"),
		chromedp.KeyEvent(kb.ArrowUp), at("11"),
		chromedp.KeyEvent(kb.ArrowLeft), at("6"))
	// A space in a comment is a space.
	b.run(t, chromedp.SendKeys(chromedp.CSS(`#c-greeting [name=comment]`), "a b"),
		wait(`document.querySelector("#c-greeting [name=comment]").value === "a b" && document.querySelector("audio").paused`))
}

func verdictChanges(t *testing.T, b *browser) {
	b.run(t, b.open("/interactions/"+poorCall),
		click(`#c-closing summary`),
		chromedp.SendKeys(chromedp.CSS(`#c-closing [name=comment]`), "a draft"),
		click(`#c-card summary`),
		click(`#c-card input[value=pass]`),
		chromedp.SendKeys(chromedp.CSS(`#c-card [name=comment]`), "It was the <b>order</b> number. 是订单号。"),
		click(`#c-card button[type=submit]`),
		wait(`document.querySelector("#c-card .waiting") !== null || document.querySelector("#c-card").dataset.verdict === "pass"`),
		wait(`document.querySelector("#c-card").dataset.verdict === "pass"`),
		wait(`document.querySelector("#summary .points").textContent.includes("50")`),
		wait(`document.querySelector("#history").textContent.includes("是订单号")`))
	if n := eval[int](t, b, `document.querySelectorAll("#summary, #history, #c-card").length`); n != 3 {
		t.Errorf("%d elements, want one of each id", n)
	}
	if got := eval[string](t, b, `document.querySelector("#c-closing [name=comment]").value`); got != "a draft" {
		t.Errorf("the comment begun on another criterion is %q", got)
	}
	if !eval[bool](t, b, `document.querySelector("#c-card .comment").textContent.includes("<b>order</b>")`) {
		t.Error("the comment does not stand as it was written")
	}
	if !eval[bool](t, b, `document.querySelector("#c-card .reason").textContent.includes("recorded line")`) {
		t.Error("why the machine decided otherwise is not told any more")
	}
	i := slices.IndexFunc(b.world.Reviews(), func(r earshot.Review) bool { return r.Criterion == "card" })
	if i < 0 {
		t.Fatal("no review was produced")
	}
	r := b.world.Reviews()[i]
	if r.Action != earshot.Override || r.Verdict != earshot.Pass || r.By != "demo" || r.ByRole != "admin" {
		t.Errorf("the review is %+v", r)
	}
}

func refusedChange(t *testing.T, b *browser) {
	b.run(t, b.open("/interactions/"+goodCall), click(`#c-closing summary`), click(`#c-closing input[value=fail]`),
		click(`#c-closing button[type=submit]`),
		wait(`document.querySelector("#c-closing .form-error").textContent.includes("comment")`))
	if !eval[bool](t, b, `document.querySelector("#c-closing input[value=fail]").checked`) {
		t.Error("the form was lost")
	}
	b.mu.Lock() // the browser tells of the 400 itself
	b.faults = slices.DeleteFunc(b.faults, func(f string) bool { return strings.Contains(f, "400 (Bad Request)") })
	b.mu.Unlock()
}

func agentAnswers(t *testing.T, b *browser) {
	b.run(t, b.open("/agents/1002"), click(`.agent-head button`),
		wait(`location.pathname === "/agents/1002" && document.querySelector("h1")?.textContent === "My work"`), b.settle(),
		click(`.contacts tr:nth-child(3) .ack button`), wait(`document.querySelector(".contacts tr:nth-child(3)").textContent.includes("Read")`),
		click(`.contacts tr:nth-child(4) .appeal summary`),
		chromedp.SendKeys(chromedp.CSS(`.contacts tr:nth-child(4) textarea`), "我说过再见。"),
		click(`.contacts tr:nth-child(4) .appeal button`), wait(`document.querySelector(".contacts tr:nth-child(4)").textContent.includes("Appeal sent")`))
	b.run(t, click(`.contacts tr:nth-child(5) .row-link`), wait(`location.pathname.startsWith("/interactions/")`), b.settle(),
		click(`.ack button`), wait(`document.querySelector(".ack")?.textContent.includes("demo read this on")`),
		click(`#c-closing summary`), chromedp.SendKeys(chromedp.CSS(`#c-closing textarea`), "I did."), click(`#c-closing .primary`),
		wait(`document.querySelector("#c-closing")?.textContent.includes("A reviewer will answer")`))
	if eval[bool](t, b, `document.querySelector("[name=verdict]") !== null`) {
		t.Error("an agent is offered to change a verdict")
	}
	b.run(t, click(`.bar-end .accent`), wait(`location.pathname === "/interactions"`), b.settle())
	var actions []earshot.ReviewAction
	for _, r := range b.world.Reviews() {
		if r.ByRole == "agent" {
			actions = append(actions, r.Action)
		}
	}
	want := []earshot.ReviewAction{earshot.Acknowledge, earshot.Appeal, earshot.Acknowledge, earshot.Appeal}
	if !slices.Equal(actions, want) {
		t.Errorf("the agent's decisions are %v, want %v", actions, want)
	}
}

func momentOpens(t *testing.T, b *browser) {
	b.run(t, b.open("/agents/1002"), click(`.habit:nth-child(2) .moment a`), wait(`location.pathname.startsWith("/interactions/")`), b.settle(),
		wait(seconds+` === Number(new URLSearchParams(location.search).get("at")) / 1000 && `+seconds+` > 0`))
}

func switches(t *testing.T, b *browser) {
	back := `getComputedStyle(document.body).backgroundColor`
	b.run(t, b.open("/interactions?agent=1002"))
	bright := eval[string](t, b, back)
	b.run(t, click(`button[value=dark]`), wait(`document.documentElement.dataset.theme === "dark"`), b.settle())
	if dark := eval[string](t, b, back); dark == bright {
		t.Errorf("the page stays %s", dark)
	}
	b.run(t, click(`button[value=zh]`), wait(`document.documentElement.lang === "zh"`), b.settle(),
		wait(`document.body.textContent.includes("演示：无需登录") && location.search === "?agent=1002"`))
	b.run(t, click(`button[value=en]`), wait(`document.documentElement.lang === "en"`), b.settle(),
		click(`button[value=auto]`), wait(`document.documentElement.dataset.theme === "auto"`), b.settle(),
		command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}}))
	if got := eval[string](t, b, back); got == bright {
		t.Error("the page does not follow the system's colours")
	}
	b.run(t, command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{}))
}

func noOverflow(t *testing.T, b *browser) {
	defer b.run(t, b.size(1440, 900))
	for _, width := range []int64{390, 320} {
		b.run(t, b.size(width, 844))
		for _, path := range []string{"/interactions", "/interactions/" + poorCall, "/interactions/" + longChat, "/interactions/" + chat,
			"/interactions/" + waiting, "/agents", "/agents/1002", "/interactions?q=no+such+words"} {
			b.run(t, b.open(path))
			if wide := eval[string](t, b, `[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + 0.5 && !e.closest(".sr, .skip, thead")).map(e => e.tagName + "." + e.className).slice(0, 5).join(" ")`); wide != "" {
				t.Errorf("%s at %d px: too wide are %s", path, width, wide)
			}
			if eval[bool](t, b, `document.documentElement.scrollWidth > innerWidth`) {
				t.Errorf("%s scrolls sideways at %d px", path, width)
			}
		}
	}
}

func filtersFold(t *testing.T, b *browser) {
	defer b.run(t, b.size(1440, 900))
	b.run(t, b.size(390, 844), b.open("/interactions"), wait(`document.querySelector(".filter-fields").hidden`),
		click(`.filters-toggle`), wait(`!document.querySelector(".filter-fields").hidden`),
		b.open("/interactions?channel=chat"), wait(`!document.querySelector(".filter-fields").hidden`))
}

// contrastBelow lists visible text whose contrast to its background is under
// 4.5 to 1 (WCAG 2.2, 1.4.3).
const contrastBelow = `(() => {
	const parse = (c) => (c.match(/[\d.]+/g) ?? []).map(Number);
	const light = (c) => { const [r, g, b] = c.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const out = [];
	for (const e of document.querySelectorAll("body *")) {
		if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility({visibilityProperty: true}) || e.closest(".sr, .skip, noscript, option, svg")) continue;
		let back = e;
		while (back && (parse(getComputedStyle(back).backgroundColor)[3] ?? 1) < 1) back = back.parentElement;
		const a = light(parse(getComputedStyle(e).color).slice(0, 3));
		const b = light(parse(getComputedStyle(back ?? document.body).backgroundColor).slice(0, 3));
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (ratio < 4.5) out.push(e.tagName + "." + e.className + " " + e.textContent.trim().slice(0, 20) + " " + ratio.toFixed(2));
	}
	return out.slice(0, 8).join("; ");
})()`

func contrast(t *testing.T, b *browser) {
	defer b.run(t, b.cookie("earshot_theme", "auto"))
	for _, theme := range []string{"light", "dark"} {
		for _, path := range []string{"/interactions", "/interactions/" + poorCall, "/interactions/" + chat, "/agents", "/agents/1002", "/interactions?q=no+such+words"} {
			b.run(t, b.cookie("earshot_theme", theme), b.open(path))
			if faint := eval[string](t, b, contrastBelow); faint != "" {
				t.Errorf("%s in %s: %s", path, theme, faint)
			}
		}
	}
}

func scoreComes(t *testing.T, b *browser) {
	page, err := b.world.Interactions(t.Context(), query.Filter{Channel: earshot.Chat, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	id := page.Rows[0].Interaction.ID
	release := b.world.Withhold(id)
	b.run(t, b.open("/interactions/"+string(id)), wait(`document.querySelector("#awaits-score") !== null`))
	if eval[bool](t, b, `document.querySelector(".criterion") !== null`) {
		t.Error("criteria are shown before there is a score")
	}
	release()
	b.run(t, wait(`document.querySelector(".criterion") !== null && document.querySelector("#awaits-score") === null`))
}

func wayBack(t *testing.T, b *browser) {
	b.run(t, b.open("/interactions"))
	b.world.Fail(earshot.Errorf(earshot.Unavailable, "away"))
	b.run(t, click(`a[rel=next]`), wait(`document.querySelector("#results .notice-bad") !== null`))
	b.world.Fail(nil)
	b.run(t, click(`[name=appealed]`), wait(`document.querySelectorAll("#results tbody tr").length > 0`))
	b.mu.Lock() // the browser tells of the 503 itself
	b.faults = slices.DeleteFunc(b.faults, func(f string) bool { return strings.Contains(f, "503 (Service Unavailable)") })
	b.mu.Unlock()
}
