// One page for all kinds of review. What is asked is in `data`; answers go to the server, or stay in the browser.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const served = Boolean(data.token), labelling = !data.groups, gallery = data.mode === "gallery";
const answers = data.answers, many = answers.length;
const groupOf = at => data.groups[at].images;
const answered = at => answers[at].length > 0;
const history_ = [], pictures = new Map();
let at = 0, shown = [], relabelling = null, finished = false;

function element(name, text = "", attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
// A path breaks after its slashes, not inside a name.
function breakable(path) {
  return path.split(/(?<=\/)/).flatMap((part, place) => place ? [element("wbr"), part] : [part]);
}
function key(text) { return element("kbd", text); }
function button(label, pressed, hint, act) {
  const made = element("button", "", {type: "button"});
  if (hint) made.append(key(hint));
  made.append(element("span", label));
  if (pressed !== null) made.setAttribute("aria-pressed", String(pressed));
  made.addEventListener("click", act);
  return made;
}
const source = index => data.pictures ? data.pictures[index] : `/image/${index}?token=${data.token}`;
// An image is loaded once: the element moves from where it was shown last.
function picture(index, alt) {
  let made = pictures.get(index);
  if (!made) {
    made = element("img", "", {src: source(index), draggable: "false"});
    const image = made;
    image.addEventListener("load", () => image.classList.toggle("small", image.naturalWidth < 160 && image.naturalHeight < 160));
    pictures.set(index, image);
  }
  made.alt = alt;
  return made;
}
function preload(from) {
  for (let next = from; next < Math.min(from + 6, many); next++)
    for (const index of labelling ? [next] : groupOf(next)) picture(index, "");
}

// What is to be saved, in order: one request at a time, and none is lost while the server is away.
const waiting = new Map();
let sending = false;
async function send() {
  if (sending) return;
  sending = true;
  try {
    while (waiting.size) {
      const [index, answer] = waiting.entries().next().value;
      const reply = await fetch(`/answer?token=${data.token}`,
        {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({at: index, answer})});
      if (!reply.ok) throw new Error(await reply.text() || `the server refused it (${reply.status})`);
      if (waiting.get(index) === answer) waiting.delete(index);
    }
    trouble("");
  } catch (error) {
    trouble(error instanceof TypeError
      ? "Not saved: the program has ended. Start imgprep review again and go on in its page."
      : `Not saved: ${error.message}`);
  } finally {
    sending = false;
    document.body.dataset.saved = String(!waiting.size);
  }
}
function save(index) {
  if (served) {
    waiting.delete(index);
    waiting.set(index, answers[index]);
    document.body.dataset.saved = "false";
    send();
  } else {
    try {
      localStorage.setItem(data.key, JSON.stringify(Object.fromEntries(answers.map((each, i) => [i, each]).filter(([i]) => answered(i)))));
    } catch {
      trouble("This browser keeps nothing for this page: save the table before you close it.");
    }
  }
}
function restore() {
  if (served) return;
  try {
    const kept = JSON.parse(localStorage.getItem(data.key) || "{}");
    for (const [index, answer] of Object.entries(kept)) if (index in answers) answers[index] = answer;
  } catch { /* nothing was kept */ }
}
function trouble(text) {
  $("trouble").hidden = !text;
  $("trouble").textContent = text;
}

const cell = text => {
  const safe = /^'*[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};
function table() {
  const rows = labelling
    ? [["id", "label", "reviewed_label"], ...answers.map((answer, i) => [data.ids[i], data.labels[i], answer])]
    : [["id", "action", "value", "reason", "rule", "by", "at"], ...answers.flatMap((changes, i) => changes.map(
      ([index, action, value]) => [data.ids[index], action, value, reason(i), data.groups[i].rule, "", ""]))];
  return rows.map(row => row.map(cell).join(",") + "\n").join("");
}
const reason = group => data.groups[group].says || "looked at in a gallery of its class";
function download() {
  const link = element("a", "", {href: URL.createObjectURL(new Blob([table()], {type: "text/csv"})), download: data.file});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function answer(value, index = at) {
  history_.push([index, answers[index]]);
  answers[index] = value;
  save(index);
}
function next() {
  const open = answers.findIndex((_, i) => i > at && !answered(i));
  const first = open < 0 ? answers.findIndex((_, i) => !answered(i)) : open;
  if (first < 0) { draw(); over(); } else go(first);
}
function go(to) {
  at = Math.max(0, Math.min(many - 1, to));
  relabelling = null;
  $("filter").value = "";
  $("given").hidden = true;
  draw();
}
function undo() {
  const last = history_.pop();
  if (!last) return;
  answers[last[0]] = last[1];
  save(last[0]);
  go(last[0]);
  say("undone");
}
function say(text) { $("live").textContent = text; }
// A class is being chosen: always, or once it is said of which image.
const choosing = () => labelling || (relabelling !== null && relabelling >= 0);
function choose(name) {
  if (labelling) {
    answer(name);
    say(name);
    next();
  } else if (choosing()) {
    const index = relabelling, rest = answers[at].filter(([i, action]) => i !== index && action === "relabel");
    const same = name === data.labels[index] && gallery;
    answer(same ? rest : [...rest, [index, "relabel", name]]);
    say(name);
    if (gallery) { relabelling = null; $("filter").value = ""; draw(); focusCell(); } else next();
  }
}

// The key of each class: a class that is one digit has that, the others get what is left.
const hotkeys = new Map();
for (const name of data.classes) if (/^[0-9]$/.test(name)) hotkeys.set(name, name);
{
  const free = [..."123456789"].filter(digit => !hotkeys.has(digit));
  for (const name of data.classes) if (![...hotkeys.values()].includes(name) && free.length) hotkeys.set(free.shift(), name);
}
const folded = text => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
function matching() {
  const wanted = folded($("filter").value.trim());
  if (!wanted) return [...data.classes];
  const rank = name => folded(name) === wanted ? 0 : folded(name).startsWith(wanted) ? 1
    : folded(name).split(/[^\p{L}\p{N}]+/u).some(word => word.startsWith(wanted)) ? 2 : folded(name).includes(wanted) ? 3 : 4;
  return data.classes.filter(name => rank(name) < 4).sort((one, other) => rank(one) - rank(other));
}
function byDigit(digit) {
  if (!$("filter").value) return hotkeys.get(digit);
  return shown[Number(digit) - 1];
}
function drawChoices() {
  shown = matching();
  const picking = choosing(), typed = Boolean($("filter").value);
  $("filter").hidden = $("choices").hidden = !picking;
  if (!picking) return;
  const digits = new Map([...hotkeys].map(([digit, name]) => [name, digit]));
  const chosen = labelling ? answers[at] : null;
  $("choices").replaceChildren(...shown.map((name, i) => {
    const made = button(name, name === chosen, typed ? (i < 9 ? String(i + 1) : "") : digits.get(name) || "", () => choose(name));
    made.classList.toggle("first", typed && i === 0);
    return made;
  }));
  if (!shown.length) $("choices").append(element("em", "No class of that name"));
}

const percent = share => `${(100 * share).toFixed(1)} %`;
const whole = share => `${Number((100 * share).toFixed(2))} %`;
function interval() {
  const strata = data.sizes.map(size => ({size, reviewed: 0, wrong: 0}));
  const code = new Map(data.classes.map((name, i) => [name, i]));
  let unsure = 0;
  answers.forEach((given, i) => {
    const stratum = strata[code.get(data.labels[i])];
    if (!given || !stratum) return;
    if (given === data.unsure) unsure++;
    else {
      stratum.reviewed++;
      stratum.wrong += given !== data.labels[i];
    }
  });
  const reviewed = total(strata, "reviewed");
  return reviewed ? {...estimate(strata, unsure, data.budget, data.confidence), reviewed, wrong: total(strata, "wrong"), unsure} : null;
}
function drawInterval() {
  if (!data.sizes) return;
  const found = interval(), place = $("interval");
  place.hidden = false;
  place.className = "";
  if (!found) { place.textContent = `Fewer than ${whole(data.budget)} wrong labels?`; return; }
  const under = found.high < data.budget, over_ = found.low > data.budget || (found.census && !under);
  place.className = under ? "under" : over_ ? "over" : "";
  const range = found.census ? "every image reviewed" : `${percent(found.low)} to ${percent(found.high)}`;
  place.title = `Clopper-Pearson interval at ${whole(data.confidence)} confidence`;
  const verdict = under ? `under ${whole(data.budget)}: decided` : over_ ? `not under ${whole(data.budget)}: decided`
    : found.more ? `about ${found.more} more would decide` : "the unsure ones have to be decided";
  place.replaceChildren(`${percent(found.rate)} wrong (${range}): `, element("b", verdict));
}

function drawProgress() {
  const done = answers.filter((_, i) => answered(i)).length;
  $("bar").max = many;
  $("bar").value = done;
  const word = gallery ? "changed" : "answered";
  $("count").textContent = gallery ? `${done} of ${many} changed` : `${at + 1} of ${many}, ${done} ${word}`;
}
function draw() {
  drawProgress();
  drawInterval();
  if (gallery) drawGallery();
  else if (labelling) drawImage();
  else drawGroup();
  drawChoices();
  if (!gallery) preload(at + 1);
}
function drawImage() {
  $("stage").replaceChildren(picture(at, `Image ${at + 1} of ${many}`));
  $("ask").replaceChildren("What does the image show?");
  $("actions").replaceChildren(
    button("Unsure", answers[at] === data.unsure, "?", () => choose(data.unsure)),
    button("None of these", answers[at] === data.none, hotkeys.has("0") ? "-" : "0", () => choose(data.none)),
    button("Back", null, "←", () => go(at - 1)),
    button("Next", null, "→", () => go(at + 1)),
    button("Undo", null, "⌫", undo),
    button("Given label", null, ".", given));
}
function given() {
  const place = $("given");
  place.hidden = !place.hidden;
  if (!labelling) return;
  place.replaceChildren("Given label: ", element("b", data.labels[at]), element("br"), element("small", data.ids[at]));
}

function drawGroup() {
  const images = groupOf(at), changes = new Map(answers[at].map(([i, action, value]) => [i, [action, value]]));
  $("stage").className = "group";
  $("stage").replaceChildren(...images.map((index, place) => {
    const figure = element("figure"), caption = element("figcaption"), [action, value] = changes.get(index) || [];
    const words = {exclude: "left out", keep: "kept", relabel: `now ${value}`};
    const text = element("span");
    text.append(element("b", action === "relabel" ? value : data.labels[index]), " ", ...breakable(data.ids[index]));
    if (action) text.append(element("br"), element("b", words[action]));
    caption.append(key(String(place + 1)), text);
    figure.append(picture(index, `Image ${place + 1}: ${data.ids[index]}, ${data.labels[index]}`), caption);
    figure.classList.toggle("out", action === "exclude");
    figure.classList.toggle("chosen", relabelling === index);
    figure.addEventListener("click", () => relabelling === -1 ? relabel(index) : keepOnly(place));
    return figure;
  }));
  const ask = relabelling === null ? "Which to keep?" : relabelling < 0 ? "Which label is wrong?" : "What does the image show?";
  $("ask").replaceChildren(ask, element("small", data.groups[at].says));
  $("actions").replaceChildren(
    ...images.slice(0, 9).map((_, place) => button(`Keep ${place + 1}`, null, String(place + 1), () => keepOnly(place))),
    button(images.length > 2 ? "Keep all" : "Keep both", answers[at].some(([, action]) => action === "keep") && answers[at].length === images.length, "b", keepAll),
    button("Wrong label", null, "w", () => relabel(-1)),
    button("Back", null, "←", () => go(at - 1)),
    button("Next", null, "→", () => go(at + 1)),
    button("Undo", null, "⌫", undo));
}
function keepOnly(place) {
  const images = groupOf(at);
  if (place >= images.length) return;
  answer(images.map((index, i) => [index, i === place ? "keep" : "exclude", ""]));
  say(`image ${place + 1} kept`);
  next();
}
function keepAll() {
  answer(groupOf(at).map(index => [index, "keep", ""]));
  say("all kept");
  next();
}
function relabel(index) {
  relabelling = index;
  draw();
  if (index >= 0) $("filter").focus();
}

function drawGallery() {
  const wanted = $("class").value, stage = $("stage");
  stage.className = "gallery";
  stage.replaceChildren();
  data.groups.forEach(({images: [index]}, i) => {
    if (data.labels[index] !== wanted) return;
    const [change] = answers[i], made = element("button", "", {type: "button", class: "cell", title: data.ids[index], tabindex: i === at ? 0 : -1});
    made.dataset.at = i;
    const words = change ? (change[1] === "exclude" ? "left out" : `now ${change[2]}`) : data.ids[index].split("/").pop();
    made.append(picture(index, ""), element("span", words));
    made.setAttribute("aria-label", `${data.ids[index]}, ${change ? words : data.labels[index]}`);
    made.classList.toggle("out", Boolean(change) && change[1] === "exclude");
    made.classList.toggle("changed", Boolean(change));
    made.addEventListener("focus", () => { at = i; });
    made.addEventListener("click", () => { at = i; toggle(); });
    stage.append(made);
  });
  $("ask").replaceChildren(relabelling === null ? "Which do not belong here?" : "What does the image show?",
    element("small", relabelling === null ? "A click leaves an image out, another takes it back in." : data.ids[relabelling]));
  $("actions").replaceChildren(
    button("Leave out", null, "x", toggle),
    button("Other class", null, "r", () => relabel(groupOf(at)[0])),
    button("Undo", null, "⌫", () => { undo(); focusCell(); }));
}
function focusCell() {
  const found = $("stage").querySelector(`[data-at="${at}"]`);
  if (found) found.focus();
}
function toggle() {
  const [index] = groupOf(at), out = answers[at].some(([, action]) => action === "exclude");
  answer(out ? [] : [[index, "exclude", ""]]);
  say(out ? "taken back in" : "left out");
  draw();
  focusCell();
}
function move(name) {
  const cells = [...$("stage").children], place = cells.findIndex(each => Number(each.dataset.at) === at);
  const columns = cells.filter(each => each.offsetTop === cells[0].offsetTop).length;
  const step = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns}[name];
  const target = cells[place + step];
  if (target) { at = Number(target.dataset.at); draw(); focusCell(); }
}

function over() {
  const dialog = $("over"), left = answers.filter((_, i) => !answered(i)).length, found = data.sizes && interval();
  $("over-title").textContent = left ? `${left} of ${many} still open` : "Everything is answered";
  const unsure = labelling ? answers.filter(each => each === data.unsure).length : 0;
  const said = found ? `${percent(found.rate)} of the labels are wrong: ${percent(found.low)} to ${percent(found.high)}. ` : "";
  $("over-text").textContent = said + (unsure ? `Unsure: ${unsure}. ` : "")
    + (served ? `Everything is saved in ${data.file}.` : `Save ${data.file} and send it back.`);
  if (gallery) $("over-title").textContent = "Done with the gallery?";
  if (!dialog.open) dialog.showModal();
  $("finish").focus();
}
async function finish() {
  if (!served) { download(); return; }
  await send();
  if (waiting.size) return;
  try { await fetch(`/finish?token=${data.token}`, {method: "POST"}); } catch { /* it has ended already */ }
  finished = true;
  document.body.dataset.finished = "true";
  $("main").replaceChildren(element("h2", "Saved. This tab may be closed."));
  $("main").className = "bye";
  document.querySelector("nav").hidden = true;
}

const KEYS = labelling ? [["1 - 9", "the class with that number"], ["a - z", "find a class by its name, Enter takes the first"],
  ["?", "unsure"], [hotkeys.has("0") ? "-" : "0", "none of the classes"], ["← →", "back, next"], ["⌫", "undo"],
  [".", "show the given label"], ["Esc", "forget what was typed"], ["/", "these keys"]]
  : gallery ? [["← ↑ → ↓", "move"], ["x or Enter", "leave out, or take back in"], ["r", "give another class"], ["⌫", "undo"], ["/", "these keys"]]
  : [["1 - 9", "keep this image, leave the others out"], ["b", "keep both, or all"], ["w", "a label is wrong: then the number of the image, then the class"],
    ["← →", "back, next"], ["⌫", "undo"], ["/", "these keys"]];

function onKey(event) {
  if (finished || document.querySelector("dialog[open]") || event.altKey || event.isComposing) return;
  const name = event.key, typing = document.activeElement === $("filter"), typed = $("filter").value;
  if (event.ctrlKey || event.metaKey) {
    if (name === "z") { event.preventDefault(); undo(); }
    return;
  }
  if (document.activeElement === $("class")) return;
  const pressed = act => { event.preventDefault(); act(); };
  if (name === "/") return pressed(() => $("keys").showModal());
  if (name === "Escape") return pressed(() => { $("filter").value = ""; $("filter").blur(); relabelling = null; draw(); });
  if (name === "Backspace" && !typed) return pressed(() => { undo(); if (gallery) focusCell(); });
  if (choosing()) return pick(event, name, typing, typed, pressed);
  if (gallery) {
    if (name.startsWith("Arrow")) return pressed(() => move(name));
    if (name === "x" || name === "Delete") return pressed(toggle);
    if (name === "r") return pressed(() => relabel(groupOf(at)[0]));
    return;
  }
  if (name === "ArrowLeft") return pressed(() => go(at - 1));
  if (name === "ArrowRight") return pressed(() => go(at + 1));
  if (/^[1-9]$/.test(name)) return pressed(() => {
    const index = groupOf(at)[Number(name) - 1];
    if (index === undefined) return;
    if (relabelling === -1) relabel(index); else keepOnly(Number(name) - 1);
  });
  if (name === "b") return pressed(keepAll);
  if (name === "w") return pressed(() => relabel(-1));
}
function pick(event, name, typing, typed, pressed) {
  if (name === "Enter" && typed) return pressed(() => shown.length && choose(shown[0]));
  if (/^[0-9]$/.test(name)) {
    const found = byDigit(name);
    if (found) return pressed(() => choose(found));
  }
  if (labelling && !typed) {
    if (name === "?") return pressed(() => choose(data.unsure));
    if (name === (hotkeys.has("0") ? "-" : "0")) return pressed(() => choose(data.none));
    if (name === "ArrowLeft") return pressed(() => go(at - 1));
    if (name === "ArrowRight") return pressed(() => go(at + 1));
    if (name === ".") return pressed(given);
  }
  if (!typing && name.length === 1 && name !== " ") $("filter").focus();
}

restore();
document.title = `Review of ${data.name}`;
$("name").textContent = data.name;
$("task").textContent = {label: "random sample", suspects: "suspects", duplicates: "duplicates", gallery: "gallery"}[data.mode];
$("end").textContent = $("finish").textContent = served ? "End" : "Save the table";
$("keys-list").replaceChildren(...KEYS.flatMap(([name, text]) => {
  const term = element("dt");
  term.append(key(name));
  return [term, element("dd", text)];
}));
if (gallery) {
  const labels = [...new Set(data.labels)];
  $("class").replaceChildren(...labels.map(name => element("option", name, {value: name})));
  $("class").hidden = labels.length < 2;
  $("class").addEventListener("change", () => {
    at = data.groups.findIndex(({images: [index]}) => data.labels[index] === $("class").value);
    draw();
  });
}
$("help").addEventListener("click", () => $("keys").showModal());
$("end").addEventListener("click", () => served ? over() : download());
$("finish").addEventListener("click", finish);
$("filter").addEventListener("input", drawChoices);
document.addEventListener("keydown", onKey);
window.addEventListener("beforeunload", event => { if (waiting.size) event.preventDefault(); });
document.body.dataset.saved = "true";
const begin = answers.findIndex((_, i) => !answered(i));
go(begin < 0 ? 0 : begin);
if (gallery) focusCell();
