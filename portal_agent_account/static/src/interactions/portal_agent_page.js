import { browser } from "@web/core/browser/browser";
import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";

/**
 * Updates an agent's page and the address bar in place.
 *
 * The URL holds the page's whole state, so the script only fetches the URL and replaces the content.
 * If that fails, the browser opens the URL as it would without a script.
 */
export class PortalAgentPage extends Interaction {
    static selector = ".o_portal_agent";
    dynamicContent = {
        _root: {
            "t-on-click": this.onClick,
            "t-on-submit": this.onSubmit,
            "t-on-change": this.onChange,
            "t-on-input": this.debounced(this.onInput, 400),
            "t-on-portal_agent_navigate": (ev) => this.navigate(ev.detail.url),
        },
        _window: {
            "t-on-popstate": this.onPopState,
        },
    };

    setup() {
        this.shownUrl = this.getPlace(browser.location);
        this.isTyping = false;
        this.followDate = this.debounced(this.onDateTyped, 800);
        this.registerCleanup(() => this.abort?.abort());
    }

    /**
     * Follows links that change the list in place. The browser follows all others.
     */
    onClick(ev) {
        const link = ev.target.closest("a.o_portal_agent_inplace, .o_portal_agent_pager a[href]");
        const isPlainClick = ev.button === 0 && !(ev.ctrlKey || ev.metaKey || ev.shiftKey || ev.altKey);
        if (link && isPlainClick) {
            ev.preventDefault();
            this.navigate(link.href, { toTop: Boolean(link.closest(".o_portal_agent_pager")) });
        }
    }

    onSubmit(ev) {
        const form = ev.target.closest(".o_portal_agent_form");
        if (form) {
            ev.preventDefault();
            this.navigate(this.getFormUrl(form));
        }
    }

    onChange(ev) {
        const form = ev.target.closest(".o_portal_agent_form");
        if (form && ev.target.matches("select")) {
            this.navigate(this.getFormUrl(form));
        } else if (form && ev.target.matches("input[type='date']")) {
            this.followDate(ev.target);
        }
    }

    /**
     * Ignores partially typed years, which parse as 0202: a date input fires an event for each digit.
     */
    onDateTyped(input) {
        if (input.isConnected && input.validity.valid) {
            this.navigate(this.getFormUrl(input.form));
        }
    }

    onInput(ev) {
        const form = ev.target.closest(".o_portal_agent_form");
        if (form && ev.target.matches("input[type='search']") && ev.target.isConnected) {
            this.navigate(this.getFormUrl(form), { isTyping: true });
        }
    }

    onPopState() {
        if (this.getPlace(browser.location) !== this.shownUrl) {
            this.show(browser.location.href);
        }
    }

    /**
     * @param {HTMLFormElement} form
     * @returns {string} URL of the submitted form without empty and default values (the first options)
     */
    getFormUrl(form) {
        const url = new URL(form.action, browser.location.href);
        for (const [name, value] of new FormData(form)) {
            if (value && form.elements[name].selectedIndex !== 0) {
                url.searchParams.set(name, value);
            }
        }
        return url.href;
    }

    getPlace(url) {
        return url.pathname + url.search;
    }

    /**
     * @param {string} url
     * @param {Object} [options]
     * @param {boolean} [options.isTyping] whether the visitor is typing; the URL then replaces the
     *      previous one in the browser's history
     * @param {boolean} [options.toTop] whether to scroll to the top of the page
     */
    async navigate(url, { isTyping = false, toTop = false } = {}) {
        const place = this.getPlace(new URL(url, browser.location.href));
        if (place === this.shownUrl && isTyping) {
            return;
        }
        const isReplaced = (isTyping && this.isTyping) || place === this.shownUrl;
        this.isTyping = isTyping;
        await this.show(url, { toTop, record: isReplaced ? "replaceState" : "pushState" });
    }

    /**
     * Fetches a page and shows it. A response is dropped if another page was requested meanwhile.
     *
     * @param {string} url
     * @param {Object} [options]
     * @param {boolean} [options.toTop] whether to scroll to the top of the page
     * @param {"pushState" | "replaceState"} [options.record] how to update the browser's history
     */
    async show(url, { toTop = false, record } = {}) {
        this.abort?.abort();
        const abort = (this.abort = new AbortController());
        const contentEl = this.getContent();
        contentEl.setAttribute("aria-busy", "true");
        let page;
        try {
            page = await this.waitFor(this.fetchPage(url, abort.signal));
        } catch {
            if (!abort.signal.aborted) {
                browser.location.assign(url);
            }
            return;
        }
        if (abort.signal.aborted) {
            return;
        }
        this.shownUrl = this.getPlace(new URL(url, browser.location.href));
        if (record) {
            browser.history[record]({}, "", url);
        }
        this.protectSyncAfterAsync(() => this.replaceContent(page, toTop))();
    }

    /**
     * @param {string} url
     * @param {AbortSignal} signal
     * @returns {Promise<Document>}
     */
    async fetchPage(url, signal) {
        const response = await browser.fetch(url, { signal, headers: { Accept: "text/html" } });
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        if (!response.ok || response.redirected || !this.getContent(page)) {
            throw new Error(`${url} is not an agent's page`);
        }
        return page;
    }

    getContent(root = this.el) {
        return root.querySelector("#portal_agent_content");
    }

    /**
     * @param {Document} page
     * @param {boolean} toTop
     */
    replaceContent(page, toTop) {
        const oldEl = this.getContent();
        const newEl = document.adoptNode(this.getContent(page));
        const restoreFocus = this.rememberFocus();
        const interactions = this.services["public.interactions"];
        interactions.stopInteractions(oldEl);
        oldEl.replaceWith(newEl);
        interactions.startInteractions(newEl);
        document.title = page.title;
        restoreFocus(newEl);
        this.el.querySelector(".o_portal_agent_status").textContent =
            newEl.querySelector(".o_portal_agent_count")?.textContent.trim() ||
            newEl.querySelector("h1")?.textContent.trim() ||
            "";
        if (toTop) {
            this.el.scrollIntoView({ block: "start" });
        }
    }

    /**
     * @returns {Function} moves the focus to the element that replaced the focused one and restores what
     *      was typed meanwhile
     */
    rememberFocus() {
        const focused = document.activeElement;
        if (!this.el.contains(focused)) {
            return () => {};
        }
        const { id, value, selectionStart, selectionEnd } = focused;
        const isSearch = focused.matches("input[type='search']");
        return (contentEl) => {
            const target = id && contentEl.querySelector(`#${CSS.escape(id)}`);
            if (!target) {
                const heading = contentEl.querySelector("h1");
                heading.tabIndex = -1;
                heading.focus({ preventScroll: true });
                return;
            }
            target.focus({ preventScroll: true });
            if (isSearch) {
                target.value = value;
                target.setSelectionRange(selectionStart, selectionEnd);
            }
        };
    }
}

registry.category("public.interactions").add("portal_agent_account.page", PortalAgentPage);
