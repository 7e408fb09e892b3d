import { browser } from "@web/core/browser/browser";
import { rpc } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";

const RECENT_LIMIT = 5;
const LIST_ID = "portal_agent_customer_list";
const MIN_LIST_HEIGHT = 200;

/**
 * The customer selector: a combobox that searches on the server while the user types.
 *
 * https://www.w3.org/WAI/ARIA/apg/patterns/combobox/
 *
 * Odoo's SelectMenu is not used: it filters the server's results again, by label only, and it is not
 * accessible to screen readers. Its input has neither a role nor an active option, and its options
 * are menu items.
 */
export class PortalAgentSelector extends Interaction {
    static selector = ".o_portal_agent_selector";
    dynamicContent = {
        "#portal_agent_customer_search": {
            "t-on-focus": this.onFocus,
            "t-on-click": this.open,
            "t-on-input": this.onInput,
            "t-on-keydown": this.onKeydown,
            "t-att-aria-expanded": () => String(this.isOpen),
            "t-att-aria-activedescendant": () => this.getOptionId(this.active),
        },
        form: { "t-on-submit.prevent": this.onSubmit },
        _root: { "t-on-focusout": this.onFocusOut },
    };

    setup() {
        this.inputEl = this.el.querySelector("#portal_agent_customer_search");
        this.texts = JSON.parse(this.el.dataset.texts);
        this.placeholder = this.inputEl.placeholder;
        this.customers = [];
        this.active = -1;
        this.isOpen = false;
        this.search = this.debounced(this.searchNow, 200);
        this.storageKey = `portal_agent_account.recent.${this.el.dataset.userId}`;
        this.registerCleanup(() => this.abort());
    }

    start() {
        this.remember(Number(this.el.dataset.customerId));
        this.inputEl.setAttribute("role", "combobox");
        this.inputEl.setAttribute("aria-autocomplete", "list");
        this.inputEl.setAttribute("aria-controls", LIST_ID);
        this.el.querySelector(".o_portal_agent_selector_found")?.remove();
        this.inputEl.value = this.el.dataset.customerName || "";
        this.listEl = this.makeElement("ul", "o_portal_agent_selector_list dropdown-menu w-100 shadow");
        this.listEl.id = LIST_ID;
        this.listEl.setAttribute("role", "listbox");
        this.listEl.setAttribute("aria-label", this.texts.label);
        this.statusEl = this.makeElement("p", "visually-hidden");
        this.statusEl.setAttribute("role", "status");
        this.insert(this.listEl);
        this.insert(this.statusEl);
        // Keep the focus in the field, so that the list closes when the field loses it.
        this.addListener(this.listEl, "mousedown", (ev) => ev.preventDefault());
        this.addListener(this.listEl, "click", this.onClickOption);
        if (window.visualViewport) {
            this.addListener(window.visualViewport, "resize", this.fitList);
        }
    }

    // Recently selected customers: only their ids, per browser and user

    getRecent() {
        try {
            const recent = JSON.parse(browser.localStorage.getItem(this.storageKey));
            return Array.isArray(recent) ? recent.filter(Number.isInteger).slice(0, RECENT_LIMIT) : [];
        } catch {
            return [];
        }
    }

    remember(customerId) {
        if (!customerId) {
            return;
        }
        const recent = [customerId, ...this.getRecent().filter((id) => id !== customerId)];
        try {
            browser.localStorage.setItem(this.storageKey, JSON.stringify(recent.slice(0, RECENT_LIMIT)));
        } catch {
            // Without browser storage there are no recent customers.
        }
    }

    // Search

    get term() {
        return this.isOpen ? this.inputEl.value.trim() : "";
    }

    /** Until the server answers, the list only keeps the options that match the text. */
    onInput() {
        this.open();
        const term = this.term.toLowerCase();
        const isFound = ({ name, details }) =>
            [name, ...details].some((text) => text.toLowerCase().includes(term));
        this.showCustomers(this.customers.filter(isFound), this.texts.searching);
        this.search();
    }

    abort() {
        this.request?.abort?.(false);
        this.request = null;
    }

    async searchNow() {
        this.abort();
        const request = rpc("/my/agent/selector", { term: this.term, recent: this.getRecent() }, { silent: true });
        this.request = request;
        let answer;
        try {
            answer = await this.waitFor(request);
        } catch {
            answer = null;
        }
        if (this.request !== request) {
            return; // a newer search has started
        }
        this.request = null;
        this.protectSyncAfterAsync(() => this.showAnswer(answer))();
    }

    showAnswer(answer) {
        const customers = answer?.customers || [];
        let message = "";
        if (!answer) {
            message = this.texts.failed;
        } else if (!customers.length) {
            message = this.texts.none;
        } else if (answer.has_more) {
            message = this.texts.more;
        }
        this.showCustomers(customers, message);
        this.statusEl.textContent = customers.length ? `${this.texts.found} ${customers.length}` : message;
    }

    // List

    makeElement(tag, className, text) {
        const el = document.createElement(tag);
        el.className = className;
        if (text) {
            el.textContent = text;
        }
        return el;
    }

    /**
     * @param {Object[]} customers
     * @param {string} message text to show below the customers
     */
    showCustomers(customers, message) {
        this.customers = customers;
        this.active = this.term && customers.length ? 0 : -1;
        const rows = customers.map((customer, index) => this.makeOption(customer, index));
        if (message) {
            const row = this.makeElement("li", "dropdown-item-text small text-muted", message);
            row.setAttribute("role", "presentation");
            rows.push(row);
        }
        this.listEl.replaceChildren(...rows);
        this.listEl.scrollTop = 0;
        this.listEl.classList.toggle("show", this.isOpen);
        this.fitList();
        this.markActive();
    }

    makeOption(customer, index) {
        const option = this.makeElement("li", "dropdown-item text-wrap py-2");
        option.id = this.getOptionId(index);
        option.dataset.index = index;
        option.setAttribute("role", "option");
        option.setAttribute("aria-selected", "false");
        const name = this.makeElement("bdi", "fw-bold", customer.name);
        option.append(name);
        if (customer.is_recent) {
            option.prepend(this.makeElement("i", "fa fa-history text-muted me-1"));
        }
        const details = this.makeElement("div", "small text-muted text-break");
        for (const detail of customer.details) {
            details.append(this.makeElement("bdi", "me-2", detail), " ");
        }
        option.append(details);
        return option;
    }

    getOptionId(index) {
        return index >= 0 && this.customers[index] ? `portal_agent_customer_${index}` : undefined;
    }

    markActive() {
        for (const option of this.listEl.querySelectorAll("[role='option']")) {
            const isActive = Number(option.dataset.index) === this.active;
            option.classList.toggle("active", isActive);
            option.setAttribute("aria-selected", String(isActive));
            if (isActive) {
                this.scrollTo(option);
            }
        }
        this.updateContent();
    }

    /** Scrolls only the list, not the page. */
    scrollTo(option) {
        const { offsetTop, offsetHeight } = option;
        if (offsetTop < this.listEl.scrollTop) {
            this.listEl.scrollTop = offsetTop;
        } else if (offsetTop + offsetHeight > this.listEl.scrollTop + this.listEl.clientHeight) {
            this.listEl.scrollTop = offsetTop + offsetHeight - this.listEl.clientHeight;
        }
    }

    /** Limits the list to the visible area, above the keyboard of a phone. */
    fitList() {
        if (this.isOpen) {
            this.listEl.style.maxHeight = `${Math.max(this.getRoomBelow(), MIN_LIST_HEIGHT)}px`;
        }
    }

    getRoomBelow() {
        const { height, offsetTop } = window.visualViewport || { height: window.innerHeight, offsetTop: 0 };
        return height + offsetTop - this.inputEl.getBoundingClientRect().bottom - 16;
    }

    /** Clears the field and offers all customers, because the list always matches the text. */
    open() {
        if (this.isOpen) {
            return;
        }
        this.isOpen = true;
        if (this.inputEl.value === (this.el.dataset.customerName || "")) {
            this.inputEl.value = "";
            this.inputEl.placeholder = this.el.dataset.customerName || this.placeholder;
        }
        if (this.getRoomBelow() < MIN_LIST_HEIGHT) {
            this.inputEl.scrollIntoView({ block: "start" });
        }
        this.showCustomers([], this.texts.searching);
        this.searchNow();
    }

    onFocus() {
        this.inputEl.select();
    }

    onFocusOut(ev) {
        if (!this.el.contains(ev.relatedTarget)) {
            this.close();
        }
    }

    /** Closes the list and shows the selected customer again. */
    close() {
        this.search.cancel();
        this.abort();
        this.isOpen = false;
        this.inputEl.placeholder = this.placeholder;
        this.inputEl.value = this.el.dataset.customerName || "";
        this.showCustomers([], "");
    }

    // Selection

    onKeydown(ev) {
        if (ev.key === "ArrowDown" || ev.key === "ArrowUp") {
            ev.preventDefault();
            this.isOpen ? this.move(ev.key === "ArrowDown" ? 1 : -1) : this.open();
        } else if (ev.key === "Escape" && this.isOpen) {
            ev.preventDefault();
            this.close();
            this.inputEl.select();
        }
    }

    move(step) {
        const count = this.customers.length;
        if (count) {
            this.active = this.active < 0 && step < 0 ? count - 1 : (this.active + step + count) % count;
            this.markActive();
        }
    }

    onClickOption(ev) {
        const option = ev.target.closest("[role='option']");
        if (option) {
            this.choose(this.customers[Number(option.dataset.index)]);
        }
    }

    /** Selects the active option on Enter. If there is none yet, searches immediately. */
    onSubmit() {
        if (this.isOpen && this.customers[this.active]) {
            this.choose(this.customers[this.active]);
        } else {
            this.search.cancel();
            this.inputEl.focus();
            this.isOpen ? this.searchNow() : this.open();
        }
    }

    choose(customer) {
        this.remember(customer.id);
        this.el.dataset.customerName = customer.name;
        this.close();
        const { url: anyUrl, placeholder } = this.el.dataset;
        const url = anyUrl.replace(placeholder, customer.id);
        this.el.dispatchEvent(new CustomEvent("portal_agent_navigate", { bubbles: true, detail: { url } }));
    }
}

registry.category("public.interactions").add("portal_agent_account.selector", PortalAgentSelector);
