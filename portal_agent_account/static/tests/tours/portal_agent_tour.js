import { registry } from "@web/core/registry";
import { queryAll, queryOne } from "@odoo/hoot-dom";

/**
 * @param {string} description
 * @param {() => boolean} isRight
 */
function check(description, isRight) {
    if (!isRight()) {
        throw new Error(description);
    }
}

/**
 * Simulates what a browser does when a digit of a date is typed.
 *
 * @param {HTMLInputElement} input
 * @param {string} value
 */
function typeDate(input, value) {
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.dispatchEvent(new Event("change", { bubbles: true }));
}

const selectCustomer = [
    {
        content: "Open the customer selector",
        trigger: "#portal_agent_customer_search",
        run: "click",
    },
    {
        content: "All customers are offered before anything is typed",
        trigger: ".o_portal_agent_selector_list.show [role=option]:contains(Quack Feathers)",
        run() {
            const { bottom } = this.anchor.closest("ul").getBoundingClientRect();
            check("the list ends on the screen", () => bottom <= window.innerHeight);
            const input = queryOne("#portal_agent_customer_search");
            input.value = "trad";
            input.dispatchEvent(new Event("input", { bubbles: true }));
            check("no other customer than those of the text is listed, not even while the server searches", () =>
                !queryAll(".o_portal_agent_selector_list [role=option]:contains(Quack)").length);
        },
    },
    {
        content: "Type a part of the name",
        trigger: "#portal_agent_customer_search",
        run: "edit trading",
    },
    {
        content: "Only the customer that was meant is left",
        trigger:
            ".o_portal_agent_selector_list.show:not(:has([role=option]:contains(Quack))) [role=option]:contains(Quill Trading)",
    },
];

registry.category("web_tour.tours").add("portal_agent_desktop", {
    url: "/my",
    steps: () => [
        {
            content: "The tile on the portal's home page leads to the agent's pages",
            trigger: ".o_portal_docs a[href='/my/agent']",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "The tiles count everything",
            trigger: ".o_portal_agent_tile_orders .o_portal_agent_tile_count:contains(2)",
        },
        {
            content: "The charts are drawn; choose the other period",
            trigger: ".o_portal_agent_chart_months canvas[style*=height]",
        },
        {
            trigger: ".o_portal_agent_periods a:contains(All time)",
            run: "click",
        },
        {
            content: "The period is chosen in place, and the charts are drawn anew",
            trigger:
                ".o_portal_agent_content:has(.o_portal_agent_periods a[aria-current]:contains(All time)) .o_portal_agent_chart_months canvas[style*=height]",
            run() {
                check("the address says which period", () => location.search === "?period=all");
                history.back();
            },
        },
        {
            content: "Back is the period before",
            trigger: ".o_portal_agent_periods a[aria-current]:contains(Last 12 months)",
        },
        ...selectCustomer,
        {
            content: "Arrow keys move through what was found",
            trigger: "#portal_agent_customer_search[aria-expanded=true][aria-activedescendant]",
            run: "press Enter",
        },
        {
            content: "The figures follow the selected customer, in place",
            trigger: ".o_portal_agent_tile_orders .o_portal_agent_tile_count:contains(1)",
            run() {
                check("the address says which customer", () => /[?&]customer=\d+/.test(location.search));
                check("the field says which customer", () =>
                    queryOne("#portal_agent_customer_search").value === "Quill Trading");
                check("the focus stays in the field", () =>
                    document.activeElement.id === "portal_agent_customer_search");
            },
        },
        {
            content: "Opened again, the field is empty as long as all customers are listed",
            trigger: "#portal_agent_customer_search",
            run: "click",
        },
        {
            trigger: ".o_portal_agent_selector_list.show [role=option]:contains(Quack Feathers)",
            run() {
                check("the field is empty", () => queryOne("#portal_agent_customer_search").value === "");
            },
        },
        {
            content: "Escape closes the list and says again which customer is selected",
            trigger: "#portal_agent_customer_search",
            run: "press Escape",
        },
        {
            trigger: "#portal_agent_customer_search[aria-expanded=false]",
            run() {
                check("the field says which customer", () =>
                    queryOne("#portal_agent_customer_search").value === "Quill Trading");
                history.back();
            },
        },
        {
            content: "Back is all customers again",
            trigger: ".o_portal_agent_tile_orders .o_portal_agent_tile_count:contains(2)",
            run() {
                check("no customer is selected", () => !location.search);
                history.forward();
            },
        },
        {
            content: "Forward is the selected customer again; go to the quotations",
            trigger: ".o_portal_agent_selector_clear",
        },
        {
            trigger: ".o_portal_agent_navigation a:contains(Quotations)",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "The customer is still selected; search while typing",
            trigger: ".o_portal_agent_selector[data-customer-name='Quill Trading']",
        },
        {
            trigger: "#portal_agent_search",
            run: "edit draft",
        },
        {
            content: "Only what was searched for is left",
            trigger: ".o_portal_agent_count:contains(/^\\s*1 result/)",
            run() {
                check("the address says what is searched", () => location.search.includes("search=draft"));
                check("the focus stays in the field", () => document.activeElement.id === "portal_agent_search");
            },
        },
        {
            content: "A year that is typed digit by digit is not searched for before the last",
            trigger: "#portal_agent_date_from",
            run() {
                for (const year of ["0002", "0020", "0202"]) {
                    typeDate(this.anchor, `${year}-01-31`);
                    check("nothing is asked for yet", () => !queryOne("#portal_agent_content").hasAttribute("aria-busy"));
                }
            },
        },
        {
            content: "Time enough to type the next digit passes",
            trigger: "#portal_agent_date_from",
            async run() {
                await new Promise((resolve) => setTimeout(resolve, 1200));
                check("nobody means a year before 1900", () => !location.search.includes("date_from"));
                typeDate(this.anchor, "2020-01-31");
                check("the next digit may follow", () => !queryOne("#portal_agent_content").hasAttribute("aria-busy"));
            },
        },
        {
            content: "The whole date is searched for",
            trigger: "#portal_agent_filter_sent[href*='date_from=2020-01-31']",
            run() {
                check("the address says so", () => location.search.includes("date_from=2020-01-31"));
                check("the date stands in the field", () => queryOne("#portal_agent_date_from").value === "2020-01-31");
            },
        },
        {
            content: "Filter",
            trigger: "#portal_agent_filter_sent",
            run: "click",
        },
        {
            content: "Nothing is found, and the page says what helps",
            trigger: ".o_portal_agent_empty a",
            run: "click",
        },
        {
            content: "Open the document",
            trigger: ".o_portal_agent_table a:contains(QUILL-QUOTATION)",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "It can be read, and nothing can be done",
            trigger: "main:not(:has(button:contains(Sign))):not(:has(.o_portal_chatter)) h1:contains(QUILL-QUOTATION)",
        },
        {
            content: "Breadcrumbs lead back to the list as it was",
            trigger: ".breadcrumb a[href*='filterby=sent']",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "Show all customers again",
            trigger: ".o_portal_agent_selector_clear",
            run: "click",
        },
        {
            trigger: ".o_portal_agent_selector:not([data-customer-id])",
            run() {
                check("no customer is selected", () => !location.search.includes("customer="));
            },
        },
    ],
});

registry.category("web_tour.tours").add("portal_agent_language", {
    url: "/sr@latin/my/agent",
    steps: () => [
        {
            content: "The charts are drawn",
            trigger: ".o_portal_agent_chart_months canvas[style*=height]",
            run() {
                window.isSamePage = true;
            },
        },
        ...selectCustomer,
        {
            content: "Choose the customer",
            trigger: ".o_portal_agent_selector_list [role=option]:contains(Quill Trading)",
            run: "click",
        },
        {
            content: "The figures follow in place, in the same language",
            trigger: ".o_portal_agent_tile_orders .o_portal_agent_tile_count:contains(1)",
            run() {
                check("the page is still the same", () => window.isSamePage);
                check("the address keeps the language", () =>
                    location.pathname === "/sr@latin/my/agent" && /[?&]customer=\d+/.test(location.search));
            },
        },
    ],
});

registry.category("web_tour.tours").add("portal_agent_phone", {
    url: "/my/agent/orders",
    steps: () => [
        {
            content: "A list is a list of cards that fits the screen",
            trigger: ".o_portal_agent_table tbody tr:contains(QUILL-ORDER)",
            run() {
                const row = this.anchor;
                check("rows are cards", () => getComputedStyle(row).display === "flex");
                check("nothing scrolls sideways", () =>
                    document.scrollingElement.scrollWidth <= document.documentElement.clientWidth);
            },
        },
        ...selectCustomer,
        {
            content: "Tap the customer",
            trigger: ".o_portal_agent_selector_list [role=option]:contains(Quill Trading)",
            run: "click",
        },
        {
            content: "Only its orders are listed",
            trigger: ".o_portal_agent_table:not(:contains(QUACK-ORDER)) tr:contains(QUILL-ORDER)",
        },
        {
            content: "View the customer",
            trigger: ".o_portal_agent_selector a[href*='/my/agent/customers/']",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "Its phone number is a link",
            trigger: "a[href='tel:+32 9 555 01']",
            run() {
                check("nothing scrolls sideways", () =>
                    document.scrollingElement.scrollWidth <= document.documentElement.clientWidth);
            },
        },
        {
            content: "Open an order",
            trigger: ".o_portal_agent_table a:contains(QUILL-ORDER)",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "The document fits the screen too",
            trigger: ".o_portal_agent_document:contains(QUILL-ORDER)",
            run() {
                check("nothing scrolls sideways", () =>
                    document.scrollingElement.scrollWidth <= document.documentElement.clientWidth);
            },
        },
    ],
});
