"use strict";
// The page's player: one video with both halves of every moment in one picture, of which a canvas shows what is asked.
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const [numerator, denominator] = data.tick;
  const times = [...data.times, data.end].map((ticks) => (ticks * numerator) / denominator);
  const count = data.times.length;
  const [width, height] = data.size;
  const stacked = width >= height;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const canvas = $("picture"), stage = $("stage"), wipe = $("wipe"), seek = $("seek"), view = $("view");
  const context = canvas.getContext("2d", { alpha: false });
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.preload = "auto";

  const KINDS = { s: "frame of the source", i: "interpolated", h: "held: repeats the frame before" };
  let current = 0;
  let wanted = null, going = null;

  // Times are told by the browser in microseconds, and containers round to no less than a tenth of a millisecond.
  const NEAR = 2e-4;
  const frameAt = (time) => {
    let low = 0, high = count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (times[middle] <= time + NEAR) low = middle; else high = middle - 1;
    }
    return low;
  };
  const chapterOf = (frame) => {
    let found = data.chapters[0];
    for (const chapter of data.chapters) if (chapter.first <= frame) found = chapter;
    return found;
  };
  const clock = (seconds) => {
    const total = Math.floor(seconds * 1000 + 1e-6), rest = total % 60000;
    const minutes = Math.floor(total / 60000), hours = Math.floor(minutes / 60);
    const two = (number) => String(number).padStart(2, "0");
    const text = `${two(minutes % 60)}:${two(Math.floor(rest / 1000))}.${String(rest % 1000).padStart(3, "0")}`;
    return hours ? `${hours}:${text}` : text;
  };
  const sourceTime = (frame) => {
    const chapter = chapterOf(frame);
    return chapter.begin + (times[frame] - times[chapter.first]) / chapter.slower;
  };

  // ---- Drawing
  const half = (after, x, w, toX) => {
    if (w <= 0) return;
    const left = !stacked && after ? width : 0, top = stacked && after ? height : 0;
    context.drawImage(video, left + x, top, w, height, toX, 0, w, height);
  };
  const draw = () => {
    if (video.readyState < 2) return;
    context.globalCompositeOperation = "source-over";
    if (view.value === "both") {
      half(false, 0, width, 0);
      half(true, 0, width, width);
    } else if (view.value === "difference") {
      half(false, 0, width, 0);
      context.globalCompositeOperation = "difference";
      half(true, 0, width, 0);
    } else {
      const x = Math.round((width * wipe.value) / 100);
      half(false, 0, x, 0);
      half(true, x, width - x, x);
    }
  };
  const place = () => {
    const isWipe = view.value === "wipe";
    $("divider").style.left = `${wipe.value}%`;
    $("divider").hidden = !isWipe;
    $("wipe-row").hidden = !isWipe;
    $("tag-before").hidden = view.value === "difference" || (isWipe && wipe.value < 8);
    $("tag-after").hidden = view.value === "difference" || (isWipe && wipe.value > 92);
    stage.classList.toggle("still", !isWipe);
    wipe.setAttribute("aria-valuetext", `${Math.round(wipe.value)} % of the width shows before`);
  };
  const shape = () => {
    canvas.width = view.value === "both" ? 2 * width : width;
    canvas.height = height;
    stage.style.setProperty("--shape", `${canvas.width} / ${canvas.height}`);
    stage.style.setProperty("--ratio", String(canvas.width / canvas.height));
    canvas.setAttribute("aria-label", {
      wipe: "Before at the left of the slider, after at its right",
      both: "Before at the left, after at the right",
      difference: "Difference of before and after; black is equal",
    }[view.value]);
    place();
    draw();
  };
  const present = (frame) => {
    current = frame;
    canvas.dataset.frame = frame;
    canvas.dataset.source = data.sources[frame];
    seek.value = frame;
    const kind = data.kinds[frame];
    seek.setAttribute("aria-valuetext", `frame ${frame + 1} of ${count}, ${KINDS[kind]}`);
    const status = $("status"), mark = document.createElement("span");
    mark.className = `kind ${kind}`;
    mark.textContent = KINDS[kind];
    status.replaceChildren(`Frame ${frame + 1} of ${count}, at ${clock(sourceTime(frame))}: `, mark);
    for (const [k, button] of chapterButtons.entries()) {
      button.setAttribute("aria-current", String(data.chapters[k] === chapterOf(frame)));
    }
    draw();
  };

  // ---- Time
  const go = () => {
    going = wanted;
    wanted = null;
    video.currentTime = (times[going] + times[going + 1]) / 2;
  };
  const seekTo = (frame) => {
    wanted = Math.min(Math.max(frame, 0), count - 1);
    if (going === null) go();
  };
  video.addEventListener("seeked", () => {
    const there = going;
    going = null;
    if (wanted !== null) go();
    else if (there !== null) present(there);
  });
  const step = (by) => {
    video.pause();
    seekTo((wanted ?? going ?? current) + by);
  };
  const passed = (frame) => {
    if (going !== null || wanted !== null) return;
    const chapter = chapterOf(current), end = chapter.first + chapter.frames;
    if ($("loop").checked && !video.paused && frame >= end) seekTo(chapter.first);
    else present(frame);
  };
  const follow = () => {
    if ("requestVideoFrameCallback" in video) {
      const each = (_now, facts) => {
        canvas.dataset.mediaTime = facts.mediaTime;
        passed(frameAt(facts.mediaTime));
        video.requestVideoFrameCallback(each);
      };
      video.requestVideoFrameCallback(each);
    } else {
      const each = () => {
        if (!video.paused) passed(frameAt(video.currentTime));
        requestAnimationFrame(each);
      };
      requestAnimationFrame(each);
    }
  };
  const toggle = () => {
    if (!video.paused) {
      video.pause();
      return;
    }
    const chapter = chapterOf(current);
    if (current === count - 1) seekTo($("loop").checked ? chapter.first : 0);
    video.play().catch((error) => { if (error.name !== "AbortError") say(`The video cannot be played: ${error.message}`); });
  };
  video.addEventListener("ended", () => {
    if (!$("loop").checked) return;
    seekTo(chapterOf(count - 1).first);
    video.play();
  });
  const playing = () => {
    const on = !video.paused;
    $("play-text").textContent = on ? "Pause" : "Play";
    $("play-shape").setAttribute("d", on ? "M6 4h4.5v16H6zM13.5 4H18v16h-4.5z" : "M7 4v16l13-8z");
    // Read out when it stands still, not sixty times a second.
    $("status").setAttribute("aria-live", on ? "off" : "polite");
  };
  for (const event of ["play", "pause", "ended"]) video.addEventListener(event, playing);
  const say = (text) => {
    $("message").textContent = text;
    $("message").hidden = !text;
  };
  video.addEventListener("error", () => say("This browser cannot play the video of this page (H.264 in MP4)."));

  // ---- Controls
  const chapterButtons = [];
  const element = (name, properties, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };
  if (data.chapters.length > 1) {
    $("places").hidden = false;
    for (const chapter of data.chapters) {
      const button = element("button", { type: "button" });
      if (chapter.thumbnail) button.append(element("img", { src: chapter.thumbnail, alt: "" }));
      button.append(element("strong", {}, chapter.title), element("span", {}, chapter.reason));
      button.addEventListener("click", () => {
        seekTo(chapter.first);
        show();
      });
      chapterButtons.push(button);
      $("chapters").append(element("li", {}, button));
    }
  }
  const show = () => $("player").scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
  if (data.unsure.length) {
    $("least-sure").hidden = false;
    for (const one of data.unsure) {
      const button = element("button", { type: "button" }, `Go to frame ${one.frame + 1}`);
      button.addEventListener("click", () => {
        video.pause();
        seekTo(one.frame);
        show();
      });
      const pictures = element("div", { className: one.size[0] < one.size[1] ? "pictures tall" : "pictures" });
      const captions = ["source, before it", "interpolated", "source, after it"];
      const all = one.pictures.map((address, k) => [address, captions[k], k === 1]);
      if (one.where) all.push([one.where, "where it is unsure (red)", false]);
      for (const [address, caption, made] of all) {
        const text = `${caption}, frame ${one.frame + 1}`;
        const image = element("img", { src: address, alt: text, width: one.size[0], height: one.size[1] });
        pictures.append(element("figure", { className: made ? "made" : "" }, image, element("figcaption", {}, caption)));
      }
      const said = element("span", {}, `at ${clock(sourceTime(one.frame))}, ${one.score}`);
      $("unsure").append(element("li", {}, element("div", { className: "head" }, button, said), pictures));
    }
  }
  seek.max = count - 1;
  seek.addEventListener("input", () => {
    video.pause();
    seekTo(Number(seek.value));
  });
  wipe.addEventListener("input", () => {
    place();
    draw();
  });
  view.addEventListener("change", shape);
  $("play").addEventListener("click", toggle);
  $("back").addEventListener("click", () => step(-1));
  $("forward").addEventListener("click", () => step(1));
  for (const radio of document.querySelectorAll("input[name=speed]")) {
    radio.addEventListener("change", () => { video.playbackRate = video.defaultPlaybackRate = Number(radio.value); });
  }
  $("loop").checked = data.preview && !calm;
  $("sound").checked = false;
  $("sound").disabled = !data.sound;
  if (!data.sound) {
    $("sound-text").textContent = "No sound";
    $("sound").parentElement.classList.add("off");
  }
  $("sound").addEventListener("change", () => { video.muted = !$("sound").checked; });
  const drag = (event) => {
    if (view.value !== "wipe" || !(event.buttons & 1)) return;
    const box = stage.getBoundingClientRect();
    wipe.value = Math.min(Math.max(((event.clientX - box.left) / box.width) * 100, 0), 100);
    place();
    draw();
  };
  stage.addEventListener("pointerdown", (event) => {
    stage.setPointerCapture(event.pointerId);
    drag(event);
  });
  stage.addEventListener("pointermove", drag);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const { tagName, type } = event.target;
    const ownsArrows = tagName === "SELECT" || (tagName === "INPUT" && (type === "range" || type === "radio"));
    const ownsSpace = tagName === "BUTTON" || tagName === "SELECT" || (tagName === "INPUT" && type !== "range");
    const does = {
      ",": () => step(-1),
      ".": () => step(1),
      ArrowLeft: ownsArrows ? null : () => step(-1),
      ArrowRight: ownsArrows ? null : () => step(1),
      " ": ownsSpace ? null : toggle,
      m: $("sound").disabled ? null : () => $("sound").click(),
    }[event.key];
    if (!does) return;
    event.preventDefault();
    does();
  });

  // ---- Theme
  const THEMES = ["system", "light", "dark"];
  const setTheme = (name) => {
    if (name === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name;
    $("theme").textContent = `Theme: ${name}`;
  };
  $("theme").addEventListener("click", () => {
    const now = document.documentElement.dataset.theme ?? "system";
    setTheme(THEMES[(THEMES.indexOf(now) + 1) % THEMES.length]);
  });

  // ---- The video, out of pieces of the page
  const pieces = [];
  for (const script of document.querySelectorAll("script[data-video]")) {
    const text = atob(script.textContent), bytes = new Uint8Array(text.length);
    for (let k = 0; k < text.length; k++) bytes[k] = text.charCodeAt(k);
    pieces.push(bytes);
    script.remove();
  }
  shape();
  playing();
  video.addEventListener("loadeddata", () => {
    say("");
    follow();
    seekTo(0);
  }, { once: true });
  video.src = URL.createObjectURL(new Blob(pieces, { type: "video/mp4" }));
})();
