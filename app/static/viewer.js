/* The viewer: one picture at a time, its neighbours ready. ES2015, no library, for the web views of 2019.

   One law above comfort: the picture and the count agree. While a picture loads, its own small version is shown, blurred
   and labelled; never a neighbour. */
(function () {
  "use strict";
  var RING = 20;                    /* neighbours kept on each side, in pictures; small versions as many */
  var MEMORY = 40 * 1024 * 1024;    /* decoded bytes kept, 4 a pixel */
  var AT_ONCE = 5;                  /* requests under way, beside the picture asked for: a browser makes six */
  var REST = 150;                   /* ms on one picture until sharp ones are fetched again */
  var SLOW = 3000;                  /* ms until the reader is told that the network is slow */
  var QUIET = 1000;                 /* ms between two announcements to a screen reader */
  var MAX_ZOOM = 8;
  var LONGEST = 60000;              /* ms between two questions whether pictures in another look are there */
  var STEP = 1.5;                   /* one press of the zoom button */

  function id(name) { return document.getElementById(name); }
  var root = id("viewer"), stage = id("stage"), pan = id("pan"), slider = id("slider");
  var words = JSON.parse(root.dataset.words);
  var lang = document.documentElement.lang, chinese = lang.indexOf("zh") === 0;
  var index = null;                 /* {count, pictures, key} once it is here */
  var now = Number(root.dataset.k); /* the picture asked for, 1-based; the count always shows it */
  var ring = 1;
  var store = {};                   /* k -> {image, state: "loading" | "ready" | "failed"} */
  var smalls = {};                  /* the same for the small versions */
  var hurried = false;              /* the reader moves faster than sharp pictures come */
  var waiting = 0;                  /* the picture for which the reader chose to wait */
  var direction = 1;
  var broken = false;               /* the last request failed: fetch nothing ahead until one succeeds */
  var timers = {};

  function number(n) { return chinese ? String(n) : n.toLocaleString(lang); }
  function fill(key, values) {
    return words[key].replace(/\{(\w+)\}/g, function (_, name) {
      var value = values[name];
      return typeof value === "number" ? number(value) : value;
    });
  }
  function later(name, delay, act) {
    clearTimeout(timers[name]);
    timers[name] = setTimeout(act, delay);
  }
  function stop(name) { clearTimeout(timers[name]); }
  function fact(k) { return index.pictures[k - 1]; }
  function state(k) { return store[k] ? store[k].state : "absent"; }

  /* ---- loading: outward from the picture asked for ---- */

  function ringFor(k) {
    var bytes = fact(k).w * fact(k).h * 4;
    return Math.max(1, Math.min(RING, Math.floor((MEMORY / bytes - 1) / 2)));
  }

  function smallState(k) { return smalls[k] ? smalls[k].state : "absent"; }

  function wanted(reach) {
    var list = [now];
    for (var step = 1; step <= reach; step += 1) { list.push(now + step * direction, now - step * direction); }
    return list.filter(function (k) { return k >= 1 && k <= index.count && !fact(k).reason; });
  }

  function letGo(from, keep) {
    Object.keys(from).forEach(function (k) {
      if (keep.indexOf(Number(k)) >= 0) { return; }
      if (from[k].state === "loading") { from[k].image.removeAttribute("src"); }
      delete from[k];
    });
  }

  function underWay(from) {
    return Object.keys(from).filter(function (k) { return from[k].state === "loading"; }).length;
  }

  function load(k) {
    var image = new Image();
    var entry = { image: image, state: "loading" };
    store[k] = entry;
    image.onload = function () { settled(k, entry, "ready"); };
    image.onerror = function () { settled(k, entry, "failed"); };
    image.src = root.dataset.full + k + root.dataset.ending;
  }

  function settled(k, entry, outcome) {
    if (store[k] !== entry) { return; }
    entry.state = outcome;
    broken = outcome === "failed";
    if (k === now && outcome === "failed") { askServer(); }
    if (k === now || (outcome === "failed" && state(now) === "failed")) { show(); }
    fetchMore();
  }

  /* The picture asked for and the small versions around it, a tenth of the size, so that a reader who flicks sees
     something at each step; sharp neighbours only then, for on a slow line they would hold up what is asked for. */
  function fetchMore() {
    var list = wanted(ring), near = wanted(RING);
    letGo(store, list);
    letGo(smalls, near);
    if (list[0] === now && state(now) !== "ready") {
      if (smallState(now) === "absent") { loadSmall(now); }
      if (!hurried && state(now) === "absent") { load(now); }
    }
    var open = underWay(store) + underWay(smalls);
    near.forEach(function (k) {
      if (!broken && open < AT_ONCE && state(k) !== "ready" && smallState(k) === "absent") { loadSmall(k); open += 1; }
    });
    var calm = !hurried && (fact(now).reason || state(now) === "ready");
    list.forEach(function (k) {
      if (!broken && calm && open < AT_ONCE && state(k) === "absent") { load(k); open += 1; }
    });
    progress(list);
  }

  /* What is on its way for pictures that were passed gives way to the one asked for. */
  function hurry() {
    hurried = true;
    letGo(store, Object.keys(store).map(Number).filter(function (k) { return state(k) !== "loading"; }));
    later("rest", REST, function () { hurried = false; fetchMore(); });
  }

  function progress(list) {
    var ready = list.filter(function (k) { return state(k) === "ready"; }).length;
    var bar = id("progress");
    bar.hidden = broken || ready === list.length;
    bar.max = Math.max(1, list.length);
    bar.value = ready;
    bar.setAttribute("aria-label", fill("nearby", { k: ready, n: list.length }));
  }

  function loadSmall(k) {
    var entry = { image: new Image(), state: "loading" };
    function done(outcome) {
      if (smalls[k] !== entry) { return; }
      entry.state = outcome;
      if (k === now && state(now) !== "ready") { show(); }
      fetchMore();
    }
    smalls[k] = entry;
    entry.image.onload = function () { done("ready"); };
    entry.image.onerror = function () { done("failed"); };
    entry.image.src = root.dataset.small + k + root.dataset.ending;
  }

  /* An <img> cannot tell a closed door from a lost connection, so the server is asked. Closed: its own page says why. */
  function askServer() {
    fetch(root.dataset.index, { credentials: "same-origin", cache: "no-store" }).then(function (answer) {
      if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) { location.reload(); }
    }, function () { /* no network: the panel already says so */ });
  }

  /* ---- showing ---- */

  function put(image, blurred) {
    if (image && pan.firstChild === image) { return; }
    pan.textContent = "";
    if (!image) { return; }
    image.width = fact(now).w;
    image.height = fact(now).h;
    image.alt = root.dataset.title + " " + fill("count_aloud", { k: now, n: index.count });
    image.className = blurred ? "blur" : "";
    pan.appendChild(image);
  }

  function label(text) {
    id("state").hidden = !text;
    id("state").textContent = text || "";
  }

  function show() {
    var reason = fact(now).reason;
    var status = reason ? "none" : state(now);
    if (status === "ready") { put(store[now].image, false); }
    else if (!reason && status !== "failed" && smallState(now) === "ready") { put(smalls[now].image, true); }
    else { put(null); }
    label(status === "loading" || status === "absent" ? fill(pan.firstChild ? "blurred" : "loading", { k: now }) : "");
    edges();
    if (reason) { sayReason(reason); }
    else if (status === "failed") { sayFailed(); }
    else if (status === "ready") { unsay(); stop("slow"); }
  }

  function edges() {
    var known = pan.firstChild && fact(now).edges;
    ["left", "right"].forEach(function (side) {
      var mark = id("edge-" + side);
      mark.hidden = !(known && known[side]);
      mark.textContent = known && known[side] ? edgeWords(known[side]) : "";
    });
  }

  function edgeWords(letters) {
    var spoken = letters.split("").map(function (letter) { return words["edge." + letter]; });
    return spoken.join(chinese ? "" : "-") + " " + letters;
  }

  function count() {
    id("count").textContent = fill("count", { k: now, n: index.count });
    slider.value = now;
    slider.setAttribute("aria-valuetext", fill("count_aloud", { k: now, n: index.count }));
    arrow("previous", now - 1);
    arrow("next", now + 1);
    id("marked").hidden = !fact(now).marked;
    looks();
    later("aloud", QUIET, function () { id("live").textContent = fill("count_aloud", { k: now, n: index.count }); });
    /* A phone that drops the page for lack of memory comes back to the same picture. */
    later("address", 500, function () { history.replaceState(null, "", root.dataset.page + now); });
  }

  /* Another window of the same picture, not of the one that the page came with. */
  function looks() {
    Array.prototype.forEach.call(document.querySelectorAll("[data-look]"), function (link) {
      link.href = link.getAttribute("href").replace(/i=\d+$/, "i=" + now);
    });
  }

  /* Pictures in the look that was asked for are being made: ask when they are there, ever more seldom, then show them. */
  function awaitLook(pause) {
    if (pause > LONGEST) { return; }
    later("look", pause, function () {
      var there = root.dataset.index + "?w=" + encodeURIComponent(root.dataset.preparing);
      fetch(there, { credentials: "same-origin", cache: "no-store" }).then(function (answer) {
        if (answer.status === 200) {
          location.replace(location.pathname + "?w=" + encodeURIComponent(root.dataset.preparing) + "&i=" + now);
        } else { awaitLook(pause * 2); }
      }, function () { awaitLook(pause * 2); });
    });
  }

  /* At an end the link stays where it is, so that the keyboard does not lose its place. */
  function arrow(name, k) {
    var there = k >= 1 && k <= index.count;
    id(name).href = root.dataset.page + (there ? k : now);
    id(name).setAttribute("aria-disabled", String(!there));
  }

  function go(k) {
    k = Math.min(index.count, Math.max(1, k));
    if (k === now) { return; }
    direction = k > now ? 1 : -1;
    now = k;
    ring = ringFor(k);
    unsay();
    if (state(now) !== "ready") { hurry(); }
    begin();
    count();
  }

  function begin() {
    var reason = fact(now).reason;
    if (!reason && state(now) !== "ready") {
      if (state(now) === "failed") { delete store[now]; }
      later("slow", SLOW, saySlow);
    } else { stop("slow"); }
    fetchMore();
    show();
  }

  /* ---- the panel: slow, failed, cannot be shown ---- */

  function panel(title, text, yes, no) {
    var focused = id("say-acts").contains(document.activeElement);
    id("say-title").textContent = title;
    id("say-text").textContent = text;
    id("say-text").hidden = !text;
    button("say-yes", yes);
    button("say-no", no);
    id("say-acts").hidden = !yes && !no;
    id("say").hidden = false;
    if (focused && id("say-acts").hidden) { stage.focus(); }
  }

  function button(name, choice) {
    id(name).hidden = !choice;
    id(name).textContent = choice ? choice[0] : "";
    id(name).onclick = choice ? choice[1] : null;
  }

  function unsay() {
    if (id("say").contains(document.activeElement)) { stage.focus(); }
    id("say").hidden = true;
  }

  function saySlow() {
    if (state(now) === "ready" || waiting === now) { return; }
    var key = index.key && index.key !== now ? [words.key_only, function () { go(index.key); }] : null;
    panel(words.slow, "", key, [words.wait, function () { waiting = now; unsay(); }]);
  }

  function lostAround(k) {
    var from = k, to = k;
    while (state(from - 1) === "failed") { from -= 1; }
    while (state(to + 1) === "failed") { to += 1; }
    return { from: from, to: to };
  }

  function sayFailed() {
    stop("slow");
    var lost = lostAround(now), many = lost.to > lost.from;
    panel(
      fill(many ? "failed_many" : "failed_one", lost), words["failed.text"],
      [words.retry, retry],
      index.count > 1 ? [words[many ? "skip_many" : "skip_one"], skip] : null
    );
  }

  function retry() {
    [store, smalls].forEach(function (from) {
      Object.keys(from).forEach(function (k) { if (from[k].state === "failed") { delete from[k]; } });
    });
    unsay();
    begin();
  }

  function skip() {
    var lost = lostAround(now);
    var onward = direction > 0 ? lost.to + 1 : lost.from - 1;
    if (onward < 1 || onward > index.count) { onward = direction > 0 ? lost.from - 1 : lost.to + 1; }
    go(onward);
  }

  function sayReason(reason) {
    stop("slow");
    var why = words["reason." + reason] || words["reason.other"];
    panel(fill("not_shown", { k: now }), fill("not_lost", { reason: why }), null, null);
  }

  /* ---- zoom, pan, invert ---- */

  var view = { zoom: 1, x: 0, y: 0 };   /* x and y in CSS pixels from the middle */

  function place() {
    var roomX = stage.clientWidth * (view.zoom - 1) / 2, roomY = stage.clientHeight * (view.zoom - 1) / 2;
    view.x = Math.max(-roomX, Math.min(roomX, view.x));
    view.y = Math.max(-roomY, Math.min(roomY, view.y));
    pan.style.transform = "translate(" + view.x + "px," + view.y + "px) scale(" + view.zoom + ")";
    disable("zoom-in", view.zoom >= MAX_ZOOM);
    disable("zoom-out", view.zoom <= 1);
  }

  function disable(name, yes) { id(name).setAttribute("aria-disabled", String(yes)); }

  /* The point (x, y) of the stage, from its middle, stays under the finger. */
  function zoomTo(zoom, x, y) {
    var next = Math.min(MAX_ZOOM, Math.max(1, zoom)), factor = next / view.zoom;
    view.x = x - (x - view.x) * factor;
    view.y = y - (y - view.y) * factor;
    view.zoom = next;
    place();
    later("aloud", QUIET, function () { id("live").textContent = fill("zoomed", { k: Math.round(view.zoom * 100) }); });
  }

  function move(x, y) { view.x += x; view.y += y; place(); }

  function invert() {
    var on = root.classList.toggle("inverted");
    id("invert").setAttribute("aria-pressed", String(on));
  }

  function reset() {
    root.classList.remove("inverted");
    id("invert").setAttribute("aria-pressed", "false");
    zoomTo(1, 0, 0);
  }

  /* ---- fingers and mouse ---- */

  var fingers = {}, before = null, tapped = { at: 0 }, travelled = 0;

  function down() { return Object.keys(fingers).map(function (key) { return fingers[key]; }); }

  function fromMiddle(x, y) {
    var box = stage.getBoundingClientRect();
    return { x: x - box.left - box.width / 2, y: y - box.top - box.height / 2 };
  }

  function gesture() {
    var points = down(), x = 0, y = 0;
    points.forEach(function (point) { x += point.x / points.length; y += point.y / points.length; });
    var at = fromMiddle(x, y);
    at.fingers = points.length;
    at.spread = points.length === 2 ? Math.hypot(points[0].x - points[1].x, points[0].y - points[1].y) : 0;
    return at;
  }

  function fingerDown(event) {
    if (event.target.closest(".vw-say") || (event.pointerType === "mouse" && event.button)) { return; }
    stage.setPointerCapture(event.pointerId);
    fingers[event.pointerId] = { x: event.clientX, y: event.clientY };
    before = gesture();
    if (before.fingers === 1) { before.first = now; before.startX = before.x; before.startY = before.y; travelled = 0; }
  }

  function fingerMove(event) {
    if (!fingers[event.pointerId]) { return; }
    fingers[event.pointerId] = { x: event.clientX, y: event.clientY };
    var at = gesture(), dx = at.x - before.x, dy = at.y - before.y;
    travelled += Math.abs(dx) + Math.abs(dy);
    if (at.fingers === 2) { pinch(at, dx, dy); }
    else if (view.zoom > 1) { move(dx, dy); }
    else if (before.first) { flick(at); }
    at.first = before.first; at.startX = before.startX; at.startY = before.startY;
    before = at;
  }

  function pinch(at, dx, dy) {
    move(dx, dy);
    if (before.spread) { zoomTo(view.zoom * at.spread / before.spread, at.x, at.y); }
  }

  /* Down or right is onward; a whole series takes about one screen, a small one does not race. */
  function flick(at) {
    var across = at.x - before.startX, along = at.y - before.startY;
    var pixels = Math.abs(across) > Math.abs(along) ? across : along;
    var each = Math.max(4, Math.min(24, stage.clientHeight / index.count));
    go(before.first + Math.trunc(pixels / each));
  }

  function fingerUp(event) {
    if (!fingers[event.pointerId]) { return; }
    delete fingers[event.pointerId];
    if (!down().length && travelled < 10 && event.type === "pointerup") { tap(event); }
    before = gesture();
  }

  function tap(event) {
    var at = fromMiddle(event.clientX, event.clientY);
    var twice = event.timeStamp - tapped.at < 350 && Math.hypot(at.x - tapped.x, at.y - tapped.y) < 40;
    tapped = { at: twice ? 0 : event.timeStamp, x: at.x, y: at.y };
    if (twice) { zoomTo(view.zoom > 1 ? 1 : 2, at.x, at.y); }
  }

  function wheel(event) {
    var at = fromMiddle(event.clientX, event.clientY);
    event.preventDefault();
    if (event.ctrlKey) { zoomTo(view.zoom * (event.deltaY < 0 ? 1.1 : 1 / 1.1), at.x, at.y); }
    else { go(now + Math.sign(event.deltaY)); }
  }

  /* ---- keys ---- */

  var KEYS = {
    ArrowRight: function () { go(now + 1); }, ArrowDown: function () { go(now + 1); },
    ArrowLeft: function () { go(now - 1); }, ArrowUp: function () { go(now - 1); },
    Home: function () { go(1); }, End: function () { go(index.count); },
    " ": function () { go(now + 1); },
    "+": function () { zoomTo(view.zoom * STEP, 0, 0); }, "=": function () { zoomTo(view.zoom * STEP, 0, 0); },
    "-": function () { zoomTo(view.zoom / STEP, 0, 0); },
    i: invert, I: invert, "0": reset,
    Escape: function () { if (id("series")) { id("series").open = false; } }
  };
  var MOVES = { ArrowRight: [-48, 0], ArrowLeft: [48, 0], ArrowDown: [0, -48], ArrowUp: [0, 48] };

  /* The keys that are not ours: single characters while nothing is in focus (WCAG 2.1.4), and what controls do alone. */
  function elsewhere(target) {
    if (target === stage) { return /^$/; }
    if (target === slider) { return /^(Arrow|Home|End)/; }
    return target === document.body ? /^[^ ]$/ : /^ $/;
  }

  function key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) { return; }
    var act = event.shiftKey && MOVES[event.key] ? function () { move.apply(null, MOVES[event.key]); } : KEYS[event.key];
    if (!act || elsewhere(event.target).test(event.key)) { return; }
    event.preventDefault();
    act();
  }

  /* ---- start ---- */

  function step(name, by) {
    id(name).addEventListener("click", function (event) { event.preventDefault(); go(now + by); });
  }

  function press(name, act) {
    id(name).hidden = false;
    id(name).addEventListener("click", function () { if (this.getAttribute("aria-disabled") !== "true") { act(); } });
  }

  function listen() {
    step("previous", -1);
    step("next", 1);
    slider.addEventListener("input", function () { go(Number(slider.value)); });
    press("zoom-in", function () { zoomTo(view.zoom * STEP, 0, 0); });
    press("zoom-out", function () { zoomTo(view.zoom / STEP, 0, 0); });
    press("invert", invert);
    press("reset", reset);
    stage.addEventListener("pointerdown", fingerDown);
    stage.addEventListener("pointermove", fingerMove);
    stage.addEventListener("pointerup", fingerUp);
    stage.addEventListener("pointercancel", fingerUp);
    stage.addEventListener("wheel", wheel, { passive: false });
    document.addEventListener("keydown", key);
    window.addEventListener("resize", place);
    window.addEventListener("online", function () { if (state(now) === "failed") { retry(); } });
  }

  /* The picture that came with the page is kept, so that it is not fetched twice. */
  function adopt() {
    var image = pan.querySelector("img");
    if (!image) { return; }
    var entry = { image: image, state: "loading" };
    store[now] = entry;
    if (image.complete) { entry.state = image.naturalWidth ? "ready" : "failed"; return; }
    image.onload = function () { settled(now, entry, "ready"); };
    image.onerror = function () { settled(now, entry, "failed"); };
  }

  function start(answer) {
    index = answer;
    ring = ringFor(now);
    adopt();
    listen();
    place();
    begin();
    count();
    if (root.dataset.preparing) { awaitLook(1000); }
  }

  fetch(root.dataset.index, { credentials: "same-origin" })
    .then(function (answer) { if (!answer.ok) { throw new Error(answer.status); } return answer.json(); })
    .then(start)
    .catch(function () {
      panel(words["failed.text"], "", [words.retry, function () { location.reload(); }], null);
    });
}());
