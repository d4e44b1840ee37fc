"""The report page's style: light on any screen, and on paper."""

STYLE = """
:root { color-scheme: light; }
body { background: #fff; margin: 0; }
.dl { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: #1c2430; background: #fff;
  max-width: 1180px; margin: 0 auto; padding: 28px 24px 8px; }
.dl h1 { font-size: 25px; margin: 0 0 2px; font-weight: 650; overflow-wrap: anywhere; }
.dl h2 { font-size: 19px; margin: 34px 0 10px; font-weight: 650; }
.dl h3 { font-size: 16px; margin: 0 0 4px; font-weight: 600; overflow-wrap: anywhere; }
.dl p { margin: 4px 0; }
.dl .quiet { color: #5a6675; }
.dl .box { border: 1px solid #d7dde5; border-radius: 8px; padding: 14px 18px; margin: 12px 0; overflow-wrap: anywhere; }
.dl .agree { border-left: 6px solid #2e8b57; }
.dl .disagree { border-left: 6px solid #c77700; }
.dl .critical { border-left: 6px solid #c4314b; }
.dl .warning { border-left: 6px solid #c77700; }
.dl .info { border-left: 6px solid #3572b0; }
.dl .tag { display: inline-block; border-radius: 4px; padding: 0 8px; font-size: 12.5px; font-weight: 600;
  background: #eef1f5; color: #333f4d; margin-right: 6px; }
.dl .tag.critical { background: #c4314b; color: #fff; border: 0; }
.dl .tag.warning { background: #c77700; color: #fff; border: 0; }
.dl .tag.info { background: #3572b0; color: #fff; border: 0; }
.dl .wide { overflow-x: auto; }
.dl table { border-collapse: collapse; width: 100%; margin: 8px 0; font-size: 14px; }
.dl th { text-align: left; font-weight: 600; color: #5a6675; border-bottom: 2px solid #d7dde5; padding: 4px 10px 4px 0;
  vertical-align: bottom; }
.dl td { border-bottom: 1px solid #e7ebf0; padding: 4px 10px 4px 0; vertical-align: top; overflow-wrap: anywhere; }
.dl td.number, .dl th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.dl td.word { white-space: nowrap; }
.dl td.yes { font-weight: 650; color: #a34e00; white-space: nowrap; }
.dl td.no { color: #5a6675; white-space: nowrap; }
.dl td:first-child { min-width: 9em; }
.dl tr.differ td { background: #fff7e8; }
.dl dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 18px; margin: 6px 0; }
.dl dt { color: #5a6675; }
.dl dd { margin: 0; overflow-wrap: anywhere; }
.dl li { margin: 3px 0; }
@media print { .dl .box { break-inside: avoid; } }
"""
