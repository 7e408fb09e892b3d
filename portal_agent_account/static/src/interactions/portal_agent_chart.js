import { loadBundle } from "@web/core/assets";
import { pyToJsLocale } from "@web/core/l10n/utils/locales";
import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";

/**
 * Draws a chart from the numbers that the server renders beside it. The server formats the amounts.
 */
export class PortalAgentChart extends Interaction {
    static selector = ".o_portal_agent_chart";

    async willStart() {
        await loadBundle("web.chartjs_lib");
    }

    start() {
        const spec = JSON.parse(this.el.dataset.chart);
        const chart = new window.Chart(this.el.querySelector("canvas"), {
            type: "bar",
            data: { labels: spec.labels, datasets: spec.datasets.map((dataset) => this.getDataset(dataset)) },
            options: this.getOptions(spec),
        });
        this.registerCleanup(() => chart.destroy());
    }

    getDataset(dataset) {
        const theme = getComputedStyle(document.documentElement);
        const backgroundColor = dataset.colors.map((color) => theme.getPropertyValue(`--${color}`).trim());
        return { ...dataset, backgroundColor, borderRadius: 3, maxBarThickness: 32 };
    }

    /**
     * @param {Object} spec
     * @returns {Object} the options of Chart.js, mirrored for right-to-left languages
     */
    getOptions({ datasets, ticks, is_horizontal: isHorizontal }) {
        const { direction } = getComputedStyle(this.el);
        const rtl = direction === "rtl";
        // The page uses Odoo's language codes, such as "sr@latin".
        const locale = pyToJsLocale(document.documentElement.lang) || undefined;
        const compact = new Intl.NumberFormat(locale, { notation: "compact" });
        const names = {
            grid: { display: false },
            ticks: { callback: (value, index) => ticks[index], autoSkip: false, maxRotation: 60 },
        };
        const amounts = {
            beginAtZero: true,
            ticks: { callback: (value) => compact.format(value), maxTicksLimit: 6, maxRotation: 0 },
        };
        return {
            indexAxis: isHorizontal ? "y" : "x",
            responsive: true,
            maintainAspectRatio: false,
            animation: false,
            interaction: { mode: "index", intersect: false },
            layout: { padding: { left: rtl ? 24 : 0 } }, // slanted labels end at their bar
            plugins: {
                legend: {
                    display: datasets.length > 1,
                    position: "bottom",
                    rtl,
                    textDirection: direction,
                    labels: { boxWidth: 12 },
                },
                tooltip: {
                    rtl,
                    textDirection: direction,
                    callbacks: {
                        label: ({ dataset, dataIndex }) => `${dataset.label}: ${dataset.formatted[dataIndex]}`,
                    },
                },
            },
            scales: {
                x: { ...(isHorizontal ? amounts : names), reverse: rtl },
                y: { ...(isHorizontal ? names : amounts), position: rtl ? "right" : "left" },
            },
        };
    }
}

registry.category("public.interactions").add("portal_agent_account.chart", PortalAgentChart);
