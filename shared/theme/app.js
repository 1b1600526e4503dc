/* The one script. Pages work without it; what it shows is `hidden` until it runs. Classic syntax, for old browsers. */
(function () {
  "use strict";

  function each(selector, act) {
    Array.prototype.forEach.call(document.querySelectorAll(selector), act);
  }

  /* Errors first: the summary is read, and its links reach the fields. */
  var summary = document.getElementById("error-summary");
  if (summary) { summary.focus(); }

  /* Show the password while typing; hide it again before it leaves. */
  each("[data-show-password]", function (label) {
    var input = document.getElementById(label.getAttribute("data-show-password"));
    var box = label.querySelector("input");
    label.hidden = false;
    box.checked = false;
    box.addEventListener("change", function () { input.type = box.checked ? "text" : "password"; });
    if (input.form) {
      input.form.addEventListener("submit", function () { input.type = "password"; box.checked = false; });
    }
  });

  /* Tick the rules of a new password; say the count once typing stops. */
  each("[data-rules]", function (list) {
    var id = list.getAttribute("data-rules");
    var input = document.getElementById(id);
    var status = document.querySelector("[data-rules-status='" + id + "']");
    var items = list.querySelectorAll("[data-pattern]");
    var timer;
    function tick() {
      var met = 0;
      Array.prototype.forEach.call(items, function (item) {
        var isMet = new RegExp(item.getAttribute("data-pattern"), "u").test(input.value.normalize("NFC"));
        item.className = isMet ? "met" : "";
        met += isMet ? 1 : 0;
      });
      clearTimeout(timer);
      timer = setTimeout(function () {
        status.textContent = input.value ? status.getAttribute("data-text").replace("{met}", met).replace("{total}", items.length) : "";
      }, 800);
    }
    list.hidden = false;
    input.addEventListener("input", tick);
    tick();
  });

  /* A button that waits: counted down here, decided by the server. */
  each("[data-countdown]", function (button) {
    var left = parseInt(button.getAttribute("data-countdown"), 10) || 0;
    var label = button.textContent;
    button.addEventListener("click", function (event) { if (left > 0) { event.preventDefault(); } });
    (function wait() {
      if (left <= 0) {
        button.removeAttribute("aria-disabled");
        button.textContent = label;
        return;
      }
      button.setAttribute("aria-disabled", "true");
      button.textContent = label + " (" + left + " s)";
      left -= 1;
      setTimeout(wait, 1000);
    })();
  });

  /* A double press sends once. Coming back by history makes the form usable again. */
  each("form[method=post]", function (form) {
    form.addEventListener("submit", function (event) {
      if (event.defaultPrevented) { return; }
      if (form.getAttribute("data-sent")) { event.preventDefault(); return; }
      form.setAttribute("data-sent", "1");
    });
  });
  window.addEventListener("pageshow", function () {
    each("form[data-sent]", function (form) { form.removeAttribute("data-sent"); });
  });

  /* The session ends by itself: said three minutes before, in every tab, until one of them answers. */
  each("template[data-idle-seconds]", function (template) {
    var dialog = template.content && template.content.querySelector("dialog");
    var idle = parseInt(template.getAttribute("data-idle-seconds"), 10) * 1000;
    var endsAt;
    var timer;
    function part(name) { return dialog.querySelector("[data-idle=" + name + "]"); }
    function isOver() { return part("warning").hidden; }
    function end() {
      part("warning").hidden = true;
      part("over").hidden = false;
      dialog.setAttribute("aria-labelledby", "idle-over-title");
      part("over").querySelector("a").focus();
    }
    function warn() {
      document.body.appendChild(dialog);
      dialog.showModal();
      if (Date.now() >= endsAt) { end(); } else { timer = setTimeout(end, endsAt - Date.now()); }
    }
    function begin() {
      clearTimeout(timer);
      endsAt = Date.now() + idle;
      timer = setTimeout(warn, idle - Math.min(180000, idle / 2));
    }
    function tellOtherTabs() {
      try { localStorage.setItem("last-answer", String(Date.now())); } catch (refused) { /* each tab for itself */ }
    }
    if (!dialog || !dialog.showModal || !window.fetch) { return; }
    Array.prototype.forEach.call(dialog.querySelectorAll("button"), function (button) {
      button.addEventListener("click", function () { dialog.close(); });
    });
    dialog.addEventListener("close", function () {
      if (isOver()) { return; }
      fetch(template.getAttribute("data-stay"), { method: "HEAD", credentials: "same-origin" }).catch(function () {});
      tellOtherTabs();
      begin();
    });
    window.addEventListener("storage", function (event) {
      if (event.key !== "last-answer" || isOver()) { return; }
      if (dialog.open) { dialog.close(); } else { begin(); }
    });
    tellOtherTabs();
    begin();
  });

  each("[data-print]", function (button) {
    button.hidden = false;
    button.addEventListener("click", function () { window.print(); });
  });

  /* On to the service that asked, once the frames of the others have loaded; none may hold the person up. */
  each("a[data-leave]", function (link) {
    var isGone = false;
    function leave() {
      if (isGone) { return; }
      isGone = true;
      window.location.replace(link.href);
    }
    setTimeout(leave, 5000);
    if (document.readyState === "complete") { leave(); }
    window.addEventListener("load", leave);
  });

  /* An answer that goes on by itself (form post to a service); its button stays for readers without the script. */
  each("form[data-auto-submit]", function (form) { form.submit(); });
})();
