import { darkRules } from "../render/recolor.ts";
import { recolored } from "./inline-figure.ts";

/** The page's style: quiet, printable, light or dark as the reader's system asks. */
export const styleSheet = `
:root{color-scheme:light dark;--ground:#fff;--raised:#f6f8fa;--ink:#20262d;--muted:#5b6670;--rule:#dfe4e9;--accent:#2668ab;--good:#1b7f54;--bad:#b3261e;--unsure:#8a5a00;--figure:#fff}
@media (prefers-color-scheme:dark){:root{--ground:#14181d;--raised:#1b2127;--ink:#e4e9ee;--muted:#9ba7b3;--rule:#2d363f;--accent:#7cb5f5;--good:#5ccb97;--bad:#f58a80;--unsure:#e0b052;--figure:#14181d}}
*{box-sizing:border-box}
html{font:16px/1.55 "Open Sans",system-ui,sans-serif;background:var(--ground);color:var(--ink);scroll-padding-top:1rem}
body{margin:0 auto;max-width:72rem;padding:2.5rem 1.5rem 4rem}
h1{font-size:1.75rem;line-height:1.25;margin:.1rem 0 .4rem;font-weight:600;letter-spacing:-.01em}
h2{font-size:1.15rem;font-weight:600;margin:3rem 0 1rem;padding-top:.9rem;border-top:1px solid var(--rule)}
h3{font-size:1rem;font-weight:600;margin:0 0 .6rem}
p{margin:.3rem 0}
a{color:var(--accent);text-decoration-thickness:1px;text-underline-offset:.18em}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:3px}
code,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.86em}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem;background:var(--ground);padding:.3rem .6rem}
.over{color:var(--muted);font-size:.9rem}
.question{font-size:1.05rem;color:var(--muted);max-width:46rem}
nav{display:flex;flex-wrap:wrap;gap:.2rem 1.3rem;margin-top:1.1rem;font-size:.92rem}
.badge{display:inline-block;padding:.05rem .55rem;border:1px solid currentColor;border-radius:1rem;font-size:.8rem;line-height:1.5;white-space:nowrap}
.good{color:var(--good)}.bad{color:var(--bad)}.unsure{color:var(--unsure)}.plain{color:var(--muted)}
dl.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(13rem,1fr));gap:.9rem 1.5rem;margin:1.6rem 0 0}
dl.facts dt{font-size:.8rem;color:var(--muted)}dl.facts dd{margin:0;overflow-wrap:anywhere}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(30rem,100%),1fr));gap:2.6rem 2.2rem}
figure{margin:0;min-width:0}
figure .plot{position:relative;background:var(--figure);overflow-x:auto}
figure svg{display:block;width:100%;height:auto;max-width:60rem}
figure svg text{font-kerning:normal;font-variant-ligatures:none}
figcaption{margin-top:.7rem;font-size:.92rem}
figcaption .estimator{color:var(--muted);margin-top:.25rem}
.links{display:flex;flex-wrap:wrap;gap:.1rem .9rem;margin:.45rem 0 0;padding:0;list-style:none;font-size:.88rem}
.note{border-left:3px solid var(--unsure);padding:.1rem 0 .1rem .7rem;margin-top:.5rem;font-size:.88rem}
.for-dark{display:none}
@media (prefers-color-scheme:dark){.for-light.has-dark{display:none}.for-dark{display:block}.light-only{background:#fff;padding:.6rem;border-radius:6px}}
@media screen and (prefers-color-scheme:dark){${darkRules(recolored)}}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{padding:.38rem .8rem .38rem 0;text-align:left;vertical-align:baseline;border-bottom:1px solid var(--rule)}
th{font-weight:600;white-space:nowrap}
td.number,th.number{text-align:right;padding-right:1.7rem;font-variant-numeric:tabular-nums}
th button{font:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer}
th button::after{content:"";display:inline-block;width:.9em;color:var(--muted)}
th[aria-sort=ascending] button::after{content:" ▴"}th[aria-sort=descending] button::after{content:" ▾"}
tbody tr:target{background:var(--raised)}tbody tr:hover{background:var(--raised)}
.scroll{overflow-x:auto}
figure svg a[data-mark]{cursor:pointer;outline:none}
figure svg a[data-mark^=row].current>*{stroke:var(--ink);stroke-opacity:1;stroke-width:2.2}
.filter select,button.plain{font:inherit;color:inherit;background:var(--ground);border:1px solid var(--rule);border-radius:5px;padding:.2rem .45rem;max-width:14rem}
button.plain{cursor:pointer}
button.plain:disabled{opacity:.45;cursor:default}
.pages{display:flex;flex-wrap:wrap;gap:.3rem .9rem;align-items:center;margin:.8rem 0 0;font-size:.9rem;color:var(--muted);font-variant-numeric:tabular-nums}.pages[hidden]{display:none}
progress{width:14rem;max-width:60%;vertical-align:middle;accent-color:var(--accent)}
.timeline{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.25rem .9rem;font-size:.85rem;align-items:center}
.lane-name{color:var(--muted);max-width:14rem;overflow-wrap:anywhere}
.lane{position:relative;height:1.5rem;background:var(--raised);border-radius:3px;overflow:hidden}
.lane.moments{height:.9rem;background:none}
.moment{position:absolute;width:2px;height:100%;background:var(--bad)}
.bar{position:absolute;top:2px;bottom:2px;border-radius:2px;color:var(--ink);text-decoration:none;overflow:hidden;white-space:nowrap;border-left:2px solid currentColor}
.bar-text{padding-left:.3rem;font-size:.75rem;line-height:1.25rem;opacity:.9}
.bar-good{background:color-mix(in srgb,var(--good) 30%,var(--ground));border-color:var(--good)}.bar-bad{background:color-mix(in srgb,var(--bad) 32%,var(--ground));border-color:var(--bad)}.bar-unsure{background:color-mix(in srgb,var(--unsure) 32%,var(--ground));border-color:var(--unsure)}.bar-plain{background:color-mix(in srgb,var(--accent) 28%,var(--ground));border-color:var(--accent)}.bar-quiet{background:var(--rule);border-color:var(--muted)}
a.bar:focus-visible{outline-offset:-2px}
.ticks{position:relative;height:1.3rem;color:var(--muted);font-size:.78rem;overflow:hidden}.ticks span{position:absolute;white-space:nowrap;border-left:1px solid var(--rule);padding-left:.25rem}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:1.2rem 1.6rem;margin:.6rem 0 1.4rem}
.chart{min-width:0}.chart p{margin:0;font-size:.82rem}.chart svg{display:block;width:100%;height:5.2rem;background:var(--raised);border-radius:3px}
.chart polyline{fill:none;stroke-width:1.5;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.chart .s0{stroke:var(--accent)}.chart .s1{stroke:var(--unsure);stroke-dasharray:5 3}.chart .s2{stroke:var(--good);stroke-dasharray:1.5 2.5}.chart .s3{stroke:var(--bad);stroke-dasharray:7 2 1.5 2}.chart .band{fill:var(--rule);opacity:.55}
.key{display:inline-block;width:1.3rem;height:0;border-top:2px solid;vertical-align:middle;margin-right:.3rem}.key.s0{color:var(--accent)}.key.s1{color:var(--unsure);border-top-style:dashed}.key.s2{color:var(--good);border-top-style:dotted}.key.s3{color:var(--bad);border-top-style:dashed}
details{margin:.35rem 0}summary{cursor:pointer;padding:.15rem 0}
pre.log{margin:.3rem 0 .9rem;padding:.7rem .9rem;background:var(--raised);border-radius:5px;max-height:30rem;overflow:auto;font:.8rem/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre-wrap;overflow-wrap:anywhere;tab-size:8}
.notebook{max-width:52rem}.notebook h1{margin-top:0}.notebook h2{border:0;margin:2rem 0 .6rem;padding:0}.cell{margin:1.2rem 0 1.8rem}.cell figure{margin:1rem 0;max-width:44rem}
pre.code{margin:.4rem 0;padding:.8rem 1rem;background:var(--raised);border-left:3px solid var(--accent);border-radius:3px;overflow-x:auto;font:.8rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}pre.code code{font:inherit}
blockquote{margin:.6rem 0;padding-left:1rem;border-left:3px solid var(--rule);color:var(--muted)}
.failure{border-left:3px solid var(--bad);padding:.2rem 0 .2rem .8rem;margin:.6rem 0}
.pager{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;justify-content:space-between}
#trials-table td:first-child{min-width:11rem}
td.mono{white-space:nowrap}.digest{overflow-wrap:anywhere;white-space:normal;min-width:9rem}
.filter{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;margin-bottom:.7rem;font-size:.9rem}
.filter input{font:inherit;color:inherit;background:var(--ground);border:1px solid var(--rule);border-radius:5px;padding:.25rem .55rem;width:16rem;max-width:100%}
.tip{position:fixed;pointer-events:none;background:var(--ink);color:var(--ground);font-size:.8rem;line-height:1.4;padding:.3rem .55rem;border-radius:4px;max-width:19rem;z-index:2;white-space:pre-line}
.tip[hidden],.dot[hidden]{display:none}
.dot{position:absolute;pointer-events:none;width:9px;height:9px;margin:-4.5px;border:2px solid var(--ink);border-radius:50%;background:var(--ground)}
figure svg .back{opacity:.16}
footer{margin-top:3.5rem;padding-top:.9rem;border-top:1px solid var(--rule);color:var(--muted);font-size:.85rem}
@media print{:root{color-scheme:light;--ground:#fff;--raised:#fff;--ink:#000;--muted:#444;--rule:#bbb;--figure:#fff}html{font-size:10pt}body{max-width:none;padding:0}nav,.filter,.pages,.tip,.dot,.skip{display:none!important}.for-light,.for-light.has-dark{display:block!important}.for-dark{display:none!important}.figures{grid-template-columns:1fr 1fr}figure,tr{break-inside:avoid}h2{break-after:avoid}}
@media (prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}
`;
