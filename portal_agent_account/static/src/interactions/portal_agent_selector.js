import { browser } from "@web/core/browser/browser";
import { _t } from "@web/core/l10n/translation";
import { rpc } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";

const RECENT_LIMIT = 5;
const LIST_ID = "portal_agent_customer_list";

/**
 * The customer selector: a combobox that searches on the server while one types.
 *
 * https://www.w3.org/WAI/ARIA/apg/patterns/combobox/
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
        this.listEl.setAttribute("aria-label", _t("Customers"));
        this.statusEl = this.makeElement("p", "visually-hidden");
        this.statusEl.setAttribute("role", "status");
        this.insert(this.listEl);
        this.insert(this.statusEl);
        // the list keeps the focus in the field, so that leaving the field closes it
        this.addListener(this.listEl, "mousedown", (ev) => ev.preventDefault());
        this.addListener(this.listEl, "click", this.onClickOption);
    }

    // ---- what was selected before: ids only, for this browser and this user

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
            // a browser that stores nothing has no recent customers
        }
    }

    // ---- searching

    get term() {
        const term = this.inputEl.value.trim();
        return term === (this.el.dataset.customerName || "").trim() ? "" : term;
    }

    onInput() {
        this.search();
    }

    abort() {
        this.request?.abort?.(false);
        this.request = null;
    }

    async searchNow() {
        this.abort();
        const request = rpc(
            "/my/agent/selector",
            { term: this.term, recent: this.getRecent() },
            { silent: true }
        );
        this.request = request;
        let answer;
        try {
            answer = await this.waitFor(request);
        } catch {
            answer = null;
        }
        if (this.request !== request) {
            return; // a newer search has begun
        }
        this.request = null;
        this.protectSyncAfterAsync(() => this.showAnswer(answer))();
    }

    showAnswer(answer) {
        this.customers = answer?.customers || [];
        this.active = this.term && this.customers.length ? 0 : -1;
        this.renderList(answer);
        this.toggle(document.activeElement === this.inputEl);
    }

    // ---- the list

    makeElement(tag, className, text) {
        const el = document.createElement(tag);
        el.className = className;
        if (text) {
            el.textContent = text;
        }
        return el;
    }

    renderList(answer) {
        const rows = this.customers.map((customer, index) => this.makeOption(customer, index));
        let message = "";
        if (!answer) {
            message = _t("The search did not work. Try again.");
        } else if (!rows.length) {
            message = _t("No customer found.");
        } else if (answer.has_more) {
            message = _t("There are more: type more of the name.");
        }
        if (message) {
            const row = this.makeElement("li", "dropdown-item-text small text-muted", message);
            row.setAttribute("role", "presentation");
            rows.push(row);
        }
        this.listEl.replaceChildren(...rows);
        this.statusEl.textContent = rows.length && this.customers.length
            ? _t("%s customers found", this.customers.length)
            : message;
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
                option.scrollIntoView({ block: "nearest" });
            }
        }
    }

    toggle(isOpen) {
        this.isOpen = isOpen;
        this.listEl.classList.toggle("show", isOpen);
        if (!isOpen) {
            this.active = -1;
        }
        this.updateContent();
    }

    open() {
        if (!this.isOpen) {
            this.searchNow();
        }
    }

    onFocus() {
        this.inputEl.select();
    }

    onFocusOut(ev) {
        if (!this.el.contains(ev.relatedTarget)) {
            this.close();
        }
    }

    /** Closes the list, and shows again which customer is selected. */
    close() {
        this.search.cancel();
        this.abort();
        this.inputEl.value = this.el.dataset.customerName || "";
        this.toggle(false);
    }

    // ---- choosing

    onKeydown(ev) {
        if (ev.key === "ArrowDown" || ev.key === "ArrowUp") {
            ev.preventDefault();
            this.isOpen ? this.move(ev.key === "ArrowDown" ? 1 : -1) : this.open();
        } else if (ev.key === "Escape") {
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

    /** Enter chooses; where nothing can be chosen yet, it searches at once. */
    onSubmit() {
        if (this.isOpen && this.customers[this.active]) {
            this.choose(this.customers[this.active]);
        } else {
            this.search.cancel();
            this.inputEl.focus();
            this.searchNow();
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
