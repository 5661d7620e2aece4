"""How the page looks, by day and by night, on a screen and on paper."""

STYLE = """
:root{color-scheme:light dark;--back:#fff;--card:#f6f7f9;--text:#16191d;--soft:#5b636d;--edge:#dde1e6;--grid:#e8ebef;
--line1:#0072b2;--line2:#c47f00;--line3:#008a64;--line4:#b8568f;--line5:#3d9bd1;--line6:#d55e00;--ramp1:#00315c;
--ramp2:#d9a800;--lost:#d55e00;--cross:#fff;--unknown:#b9bfc7;--u1:#dfeaf4;--u8:#0b4f86;--hole:#d55e0021;--good:#008a64;
--fair:#c47f00;--bad:#d55e00}
@media(prefers-color-scheme:dark){:root{--back:#14171b;--card:#1d2126;--text:#e7eaee;--soft:#9aa4af;--edge:#343a42;
--grid:#272c33;--line1:#56b4e9;--line2:#e69f00;--line3:#2fbf93;--line4:#dd92bf;--line5:#9bd3f5;--line6:#f0813a;
--ramp1:#5fb0ea;--ramp2:#f4e07a;--lost:#e8702a;--cross:#14171b;--unknown:#5b636d;--u1:#24384a;--u8:#9bd3f5;
--hole:#f0813a2b;--good:#2fbf93;--fair:#e69f00;--bad:#f0813a}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--text);
font:15px/1.5 system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:1180px;margin:0 auto;padding:28px 24px 60px}
h1{font-size:22px;text-wrap:balance;line-height:1.25;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:18px;margin:38px 0 10px;padding-top:14px;border-top:1px solid var(--edge)}
h3{font-size:15px;margin:18px 0 6px;overflow-wrap:anywhere}
small,.note,.sub{color:var(--soft);font-weight:400}
small{font-size:12.5px}
.sub{margin:0 0 18px}
.verdict{background:var(--card);border-left:5px solid var(--own);border-radius:4px;padding:12px 18px;margin:14px 0}
.verdict b.word{color:var(--own);font-size:20px;margin-right:8px}
.verdict p{margin:2px 0}
.findings{margin:8px 0 0;padding-left:20px}
.findings li{margin:3px 0}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(320px,1fr));gap:6px 40px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 16px;margin:0;align-content:start}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(400px,1fr));gap:18px 28px}
.small{grid-template-columns:repeat(auto-fill,minmax(270px,1fr))}
figure{margin:0}
figcaption b{margin-right:8px}
svg{display:block;max-width:100%;height:auto}
.chart svg{width:100%}
text{fill:var(--soft);font-size:12px;font-family:inherit}
.grid{stroke:var(--grid);fill:none}
.zero{stroke:var(--soft);fill:none}
.line{stroke:var(--own);fill:none;stroke-width:1.6;stroke-linejoin:round;stroke-linecap:round}
.name{fill:var(--own);font-weight:600}
.hole{fill:var(--hole)}
.none{fill:var(--bad)}
.mark path{stroke:var(--text);stroke-dasharray:4 3;fill:none}
.mark text{fill:var(--text);font-weight:700;font-size:11px}
.axis{position:absolute;opacity:0}
.choice{display:flex;gap:6px;align-items:center;color:var(--soft);margin:0 0 12px}
.choice label{border:1px solid var(--edge);border-radius:14px;padding:1px 12px;cursor:pointer}
#even:checked~main [for=even],#powers:checked~main [for=powers]{background:var(--text);color:var(--back)}
#even:focus-visible~main [for=even],#powers:focus-visible~main [for=powers]{outline:2px solid var(--line1)}
#even:checked~main svg.powers,#powers:checked~main svg.even{display:none}
.maps{display:grid;grid-template-columns:repeat(6,minmax(0,1fr));gap:12px 16px}
.maps figcaption{font-size:13px;line-height:1.35;margin-top:4px;color:var(--soft)}
.maps b{color:var(--text);font-weight:600}
.u1{fill:var(--u1);background:var(--u1)}
.u8{fill:var(--u8);background:var(--u8)}
.lost{fill:var(--lost)}
.cross{stroke:var(--cross);stroke-width:1.2;fill:none}
.unknown{fill:none;stroke:var(--unknown)}
.legend{display:flex;flex-wrap:wrap;gap:2px;align-items:center;color:var(--soft);font-size:13px}
.legend i{width:14px;height:14px;display:inline-block}
.legend span{margin:0 6px}
.legend .dead{display:inline-flex;gap:6px;align-items:center;margin-left:18px}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;width:100%}
th,td{text-align:left;padding:3px 16px 3px 0;border-bottom:1px solid var(--grid);vertical-align:top;
overflow-wrap:anywhere}
th{color:var(--soft);font-weight:500}
td.n,th.n{text-align:right;white-space:nowrap;width:1%}
.wide{overflow-x:auto}
.no{display:inline-block;min-width:18px;border:1px solid var(--text);border-radius:3px;text-align:center;font-size:11px;
font-weight:700;line-height:16px;margin-right:6px}
@media(max-width:700px){.maps{grid-template-columns:repeat(3,minmax(0,1fr))}.charts{grid-template-columns:1fr}}
@media print{.choice{display:none}h2{break-after:avoid}figure,tr{break-inside:avoid}}
""" + "".join(
    f".u{level}{{fill:color-mix(in oklab,var(--u8) {share}%,var(--u1));"
    f"background:color-mix(in oklab,var(--u8) {share}%,var(--u1))}}\n"
    for level, share in ((level, round(100 * (level - 1) / 7)) for level in range(2, 8))
)
