"""The report's style sheet; it follows the reader's light or dark setting and prints."""

STYLE = """
:root{--ink:#1c2430;--soft:#5b6675;--line:#dfe4ea;--paper:#fff;--tile:#f4f6f9;--accent:#b35900;--warn:#fff3e0}
@media (prefers-color-scheme:dark){:root{--ink:#e8ecf1;--soft:#9aa6b5;--line:#333c48;--paper:#151a21;--tile:#1f2630;--accent:#ffb454;--warn:#3a2a10}
figure svg{background:#fff;border-radius:8px}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1080px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:28px;margin:0 0 4px;overflow-wrap:anywhere}h2{font-size:20px;margin:40px 0 12px}
h3{font-size:15px;margin:20px 0 8px;font-weight:600;overflow-wrap:anywhere}h3 span{color:var(--soft);font-weight:400;margin-left:6px}
header p,.small,figcaption{color:var(--soft)}.small,figcaption{font-size:14px}
.tiles{display:flex;flex-wrap:wrap;gap:12px}.tile{background:var(--tile);border-radius:10px;padding:14px 20px;min-width:150px}
.tile b{display:block;font-size:30px;font-variant-numeric:tabular-nums}.tile span{color:var(--soft);font-size:14px}
.warning{background:var(--warn);border-left:4px solid var(--accent);padding:10px 14px;border-radius:4px}
figure{margin:0}figure svg{width:100%;height:auto}
.panels{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:10px}figcaption{overflow-wrap:anywhere}.panels img{width:100%;display:block;border-radius:6px;image-rendering:auto}
.curves{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:16px}
@media (max-width:700px){.curves{grid-template-columns:minmax(0,1fr)}.panels{grid-template-columns:repeat(2,minmax(0,1fr))}}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;min-width:50%}
th,td{padding:6px 14px 6px 0;border-bottom:1px solid var(--line);text-align:right;font-size:15px}
th,td.text{text-align:left}tbody th{font-weight:400;overflow-wrap:anywhere}.classes th,.classes thead td{white-space:nowrap}.images th{min-width:9em}thead th,thead td{color:var(--soft);font-weight:600}
.legend span{display:inline-block;width:12px;height:12px;border-radius:3px;margin:0 5px 0 14px;vertical-align:-1px}
code{font:14px ui-monospace,Menlo,Consolas,monospace}summary{cursor:pointer;color:var(--accent)}
"""
