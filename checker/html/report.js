"use strict";
// Moves through the steps that are listed in the page, and draws who maps which frame after the one that is shown.
// The steps are the list's own items, copied; what there is to draw is the JSON beside the list: the first picture,
// and for each step what is otherwise after it. Text goes in as text alone, never as HTML.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const NEAR_BEFORE = 4;
  const NEAR_AFTER = 2;
  const PAGES_STEP = 10;

  const WIDTH = 360;
  const BOX = 150;
  const FRAMES_AT = WIDTH - BOX;
  const LINE = 18;
  const GAP = 8;

  function made(name, attributes, ...children) {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
    node.append(...children);
    return node;
  }

  function text(x, y, content, kind = "", anchor = "start") {
    return made("text", { x, y, class: kind, "text-anchor": anchor }, content);
  }

  /** The pictures of one story. What is known of a moment: an owner's remark, a page's [frame, flags, writable], a
   *  frame's [free, facts]. */
  class Pictures {
    constructor(values) {
      Object.assign(this, values);
      this.remarked = this.owners.map(() => false);
      this.room = this.frames.map(() => 0);
      for (const moment of this.moments) {
        for (const [number, remark] of Object.entries(moment.o || {})) this.remarked[number] ||= remark !== "";
        for (const [number, frame] of Object.entries(moment.f || {})) {
          this.room[number] = Math.max(this.room[number], frame[1].length);
        }
      }
      this.#rewind();
      this.#place();
    }

    #rewind() {
      this.at = -1;
      this.now = { o: [], p: [], f: [] };
    }

    /** Where each box stands: the same for every moment, so that nothing jumps. */
    #place() {
      let y = GAP;
      this.ownerY = [];
      this.pageY = [];
      this.owners.forEach((_, owner) => {
        this.ownerY[owner] = y;
        y += LINE * (this.remarked[owner] ? 2 : 1) + 4;
        this.pages.forEach(([of], page) => {
          if (of !== owner) return;
          this.pageY[page] = y;
          y += LINE + 6;
        });
        y += GAP;
      });
      let right = GAP;
      this.frameY = this.frames.map((_, frame) => {
        const at = right;
        right += LINE * (1 + this.room[frame]) + 6 + GAP;
        return at;
      });
      this.height = Math.max(y, right);
    }

    /** Goes to a moment; `before` is then what was so before it, and `changed` what is new in it. */
    #go(moment) {
      if (moment < this.at || this.at < 0) this.#rewind();
      while (this.at < moment) {
        this.at += 1;
        const changes = this.moments[this.at];
        if (this.at === moment) this.before = this.now.p.slice();
        for (const kind of "opf") {
          for (const [number, value] of Object.entries(changes[kind] || {})) this.now[kind][number] = value;
        }
      }
      this.changed = moment > 0 ? this.moments[moment] : {};
    }

    drawing(moment) {
      this.#go(moment);
      const root = made("svg", { viewBox: `0 0 ${WIDTH} ${this.height}`, role: "img", "aria-label": this.words() });
      root.append(...this.#arrows(), ...this.#owners(), ...this.#frames());
      return root;
    }

    #isNew(kind, number) {
      return this.changed[kind] !== undefined && number in this.changed[kind];
    }

    #owners() {
      const drawn = [];
      this.owners.forEach((name, owner) => {
        const remark = this.now.o[owner];
        drawn.push(text(2, this.ownerY[owner] + 13, name, "name"));
        if (remark) {
          const kind = this.#isNew("o", owner) ? "remark changed" : "remark";
          drawn.push(text(2, this.ownerY[owner] + 13 + LINE, remark, kind));
        }
      });
      this.pages.forEach(([, label], page) => {
        const [frame, flags] = this.now.p[page];
        const y = this.pageY[page];
        const kind = `page${frame === null ? " absent" : ""}${this.#isNew("p", page) ? " changed" : ""}`;
        drawn.push(made("rect", { class: kind, x: 2, y, width: BOX - 4, height: LINE + 3, rx: 3 }));
        drawn.push(text(8, y + 15, label, frame === null ? "faint" : ""));
        drawn.push(text(BOX - 8, y + 15, flags, frame === null ? "faint" : "flags", "end"));
      });
      return drawn;
    }

    #frames() {
      const drawn = [];
      this.frames.forEach((label, frame) => {
        const [free, facts] = this.now.f[frame];
        const y = this.frameY[frame];
        const height = LINE * (1 + this.room[frame]) + 4;
        const kind = `frame${free ? " free" : ""}${this.#isNew("f", frame) ? " changed" : ""}`;
        drawn.push(made("rect", { class: kind, x: FRAMES_AT + 2, y, width: BOX - 4, height, rx: 3 }));
        drawn.push(text(FRAMES_AT + 12, y + 15, label, "name"));
        facts.forEach((fact, line) => drawn.push(text(FRAMES_AT + 12, y + 15 + LINE * (line + 1), fact)));
      });
      return drawn;
    }

    #arrows() {
      const drawn = [];
      const into = this.frames.map(() => 0);
      this.pages.forEach((_, page) => {
        const [frame, , writable] = this.now.p[page];
        const [was] = this.before[page] || [null];
        if (was !== null && was !== frame && this.#isNew("p", page)) {
          drawn.push(this.#arrow(page, this.frameY[was] + 10, "before"));
        }
        if (frame === null) return;
        const room = LINE * (1 + this.room[frame]) - 6;
        const y = this.frameY[frame] + 8 + Math.min(into[frame] * 9, room);
        into[frame] += 1;
        const kind = `${writable ? "writable" : "readable"}${this.#isNew("p", page) ? " changed" : ""}`;
        drawn.push(this.#arrow(page, y, kind));
        drawn.push(made("path", { class: `head ${kind}`, d: `M${FRAMES_AT + 1},${y} l-9,-5 v10 z` }));
      });
      return drawn;
    }

    #arrow(page, y, kind) {
      const from = this.pageY[page] + 10;
      const middle = (BOX + FRAMES_AT) / 2;
      const path = `M${BOX - 2},${from} C${middle},${from} ${middle},${y} ${FRAMES_AT - 6},${y}`;
      return made("path", { class: `arrow ${kind}`, d: path });
    }

    /** The same for those who do not see it. */
    words() {
      const pages = this.pages.map(([owner, label], page) => {
        const [frame, flags] = this.now.p[page];
        const where = frame === null ? flags || "not there" : `leads to ${this.frames[frame]}, ${flags}`;
        return `${this.owners[owner]} ${label}: ${where}`;
      });
      const frames = this.frames.map((label, frame) => `${label}: ${this.now.f[frame][1].join(", ") || "nothing known"}`);
      return `${[...pages, ...frames].join(". ")}.`;
    }
  }

  /** One story: the player's parts, and the step that it shows; 0 is what is so before the first. */
  class Player {
    constructor(section) {
      this.root = section.querySelector(".player");
      this.steps = Array.from(section.querySelector(".steps.all").children);
      this.start = section.querySelector(".start");
      this.slider = this.root.querySelector("input");
      this.now = this.root.querySelector(".now");
      this.near = this.root.querySelector(".near");
      this.place = this.root.querySelector(".drawing");
      const values = section.querySelector(".pictures");
      if (values !== null && this.place !== null) {
        this.pictures = new Pictures(JSON.parse(values.textContent));
        this.#legend();
      }
      this.buttons = Array.from(this.root.querySelectorAll("button"));
      for (const button of this.buttons) button.addEventListener("click", () => this.go(button.dataset.go));
      this.slider.addEventListener("input", () => this.show(Number(this.slider.value)));
      section.querySelector(".every").open = false;
      this.root.hidden = false;
      this.show(0);
    }

    #legend() {
      const legend = document.createElement("p");
      legend.className = "legend";
      legend.textContent = "Left: processes and their pages. Right: frames. Thick arrow: writable; thin: read-only; "
        + "dotted: where it led before. Bold outline: changed by this step. Dashed frame: free.";
      this.figure = document.createElement("div");
      this.place.append(this.figure, legend);
    }

    show(step) {
      this.step = Math.min(Math.max(step, 0), this.steps.length);
      const first = Math.max(this.step - NEAR_BEFORE, 1);
      const last = Math.min(this.step + NEAR_AFTER, this.steps.length);
      const items = [];
      if (this.step <= NEAR_BEFORE && this.start !== null) {
        const item = document.createElement("li");
        item.className = "step";
        item.append(this.start.cloneNode(true));
        items.push(this.#shown(item, this.step === 0));
      }
      for (let number = first; number <= last; number += 1) {
        items.push(this.#shown(this.steps[number - 1].cloneNode(true), number === this.step));
      }
      this.near.replaceChildren(...items);
      this.slider.value = String(this.step);
      const where = this.step === 0 ? "Before the first step" : `Step ${this.step}`;
      this.slider.setAttribute("aria-valuetext", `${where} of ${this.steps.length}`);
      this.now.textContent = `${where} of ${this.steps.length}`;
      if (this.step > 0) {
        const told = document.createElement("span");
        told.className = "spoken";
        told.textContent = `: ${this.steps[this.step - 1].textContent}`;
        this.now.append(told);
      }
      for (const button of this.buttons) {
        button.setAttribute("aria-disabled", String(this.#target(button.dataset.go) === this.step));
      }
      if (this.pictures) this.figure.replaceChildren(this.pictures.drawing(this.step));
    }

    #shown(item, isCurrent) {
      if (isCurrent) {
        item.classList.add("current");
        item.setAttribute("aria-current", "step");
      }
      return item;
    }

    go(where) {
      this.show(this.#target(where));
    }

    #target(where) {
      const last = this.steps.length;
      const marked = (step) => this.steps[step - 1].classList.contains("marked");
      switch (where) {
        case "first": return 0;
        case "before": return Math.max(this.step - 1, 0);
        case "next": return Math.min(this.step + 1, last);
        case "last": return last;
        case "far-before": return Math.max(this.step - PAGES_STEP, 0);
        case "far-next": return Math.min(this.step + PAGES_STEP, last);
      }
      const by = where === "marked-next" ? 1 : -1;
      for (let step = this.step + by; step > 0 && step <= last; step += by) if (marked(step)) return step;
      return this.step;
    }
  }

  const players = new Map();
  for (const section of document.querySelectorAll(".story")) {
    if (section.querySelector(".player")) players.set(section, new Player(section));
  }
  let latest = null;
  const remember = (event) => { latest = event.target.closest(".story") || latest; };
  document.addEventListener("focusin", remember);
  document.addEventListener("click", remember);

  window.addEventListener("beforeprint", () => {
    for (const list of document.querySelectorAll("details")) list.open = true;
  });

  const KEYS = { Home: "first", End: "last", PageUp: "far-before", PageDown: "far-next" };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    const inside = event.target.closest(".player");
    const player = players.get(event.target.closest(".story") || latest || players.keys().next().value);
    if (!player || event.target.closest(".scroll")) return;
    if (!inside && !getSelection().isCollapsed) return; // there they change what is selected
    let where = inside ? KEYS[event.key] : undefined; // elsewhere these scroll the page
    if (event.key === "ArrowLeft") where = event.shiftKey ? "marked-before" : "before";
    if (event.key === "ArrowRight") where = event.shiftKey ? "marked-next" : "next";
    if (where === undefined) return;
    event.preventDefault();
    player.go(where);
  });
})();
