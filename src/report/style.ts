// Style sheet of the page: system fonts, dark text on white, two columns where the window is wide, rules for paper.

export const STYLE = `
:root{--ink:#1b1f24;--soft:#57606a;--rule:#d0d7de;--pale:#f6f8fa;--pass:#00664b;--review:#8a4b00;--fail:#a11800;--link:#005a8d}
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
body{margin:0;background:#fff;color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
.page{max-width:1240px;margin:0 auto;padding:32px 32px 80px;display:grid;grid-template-columns:minmax(0,1fr);column-gap:48px}
a{color:var(--link);text-underline-offset:2px}
code,pre,.name{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:.875em;overflow-wrap:anywhere}
h1{font-size:30px;line-height:1.2;margin:0 0 6px;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:22px;line-height:1.3;margin:56px 0 12px;padding-top:14px;border-top:1px solid var(--rule)}
h3{font-size:16.5px;line-height:1.35;margin:30px 0 8px}
h2 a,h3 a{color:inherit;text-decoration:none}
h2 a:hover,h3 a:hover,h2 a:focus,h3 a:focus{text-decoration:underline}
p{margin:0 0 12px;max-width:74ch}
.lede{font-size:17px;color:var(--soft);margin:0 0 20px}
.soft{color:var(--soft)}
small,.small{font-size:13.5px}
ul{padding-left:1.2em;margin:0 0 12px;max-width:74ch}
.toc{font-size:14px;margin:0 0 20px}
.toc ol{list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:2px 18px}
.toc a{color:var(--soft);text-decoration:none}
.toc a:hover,.toc a:focus{color:var(--link);text-decoration:underline}
.mark{display:inline-block;width:1.05em;height:1.05em;vertical-align:-.16em;flex:none}
.verdict{border:1px solid var(--rule);border-left:6px solid;border-radius:4px;padding:16px 20px;margin:0 0 20px}
.verdict p{margin:0}
.verdict .head{font-size:19px;font-weight:700;margin-bottom:4px;display:flex;gap:10px;align-items:center}
.pass{color:var(--pass)}.review{color:var(--review)}.fail{color:var(--fail)}
.verdict.pass{border-left-color:var(--pass)}.verdict.review{border-left-color:var(--review)}.verdict.fail{border-left-color:var(--fail)}
.verdict .body{color:var(--ink)}
.figures-key{display:grid;grid-template-columns:repeat(4,1fr);gap:0;margin:0 0 8px;border:1px solid var(--rule);border-radius:4px;overflow:hidden}
.figures-key div{padding:11px 16px 10px;box-shadow:1px 1px 0 0 var(--rule)}
.figures-key dt{font-size:13px;color:var(--soft);line-height:1.3}
.figures-key dd{margin:2px 0 0;font-size:20px;font-weight:700;font-variant-numeric:tabular-nums;line-height:1.3}
.checks{list-style:none;margin:0;padding:0;max-width:none;border-top:1px solid var(--rule)}
.checks li{display:grid;grid-template-columns:84px minmax(130px,210px) 1fr;gap:14px;padding:9px 4px;border-bottom:1px solid var(--rule)}
.checks .status{font-weight:700;display:flex;gap:8px;align-items:center;height:1.55em}

.below{margin-top:10px}.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.scroll{position:relative;overflow-x:auto;margin:0 0 10px}
table{border-collapse:collapse;font-size:14px;line-height:1.4;font-variant-numeric:tabular-nums;min-width:50%}
caption{text-align:left;color:var(--soft);font-size:13.5px;padding:0 0 6px}
th,td{padding:5px 10px;text-align:right;white-space:nowrap;border-bottom:1px solid #e7ebef;vertical-align:top}
th{font-weight:700;border-bottom:1.5px solid var(--ink);vertical-align:bottom}
tbody th{font-weight:400;border-bottom:1px solid #e7ebef}
th.text,td.text{text-align:left;white-space:normal;overflow-wrap:anywhere;min-width:9ch}
table.wide{width:100%}
th:first-child,td:first-child{padding-left:4px}
tbody tr:hover{background:var(--pale)}
td .mark{margin-right:5px}.figures-key .mark{width:.85em;height:.85em;margin-left:8px;vertical-align:-.04em}
th button{all:unset;cursor:pointer;font-weight:700}
th button:focus-visible{outline:2px solid var(--link);outline-offset:2px}
th[aria-sort=ascending] button::after{content:" ↑"}th[aria-sort=descending] button::after{content:" ↓"}
.filter{font:inherit;font-size:14px;padding:5px 9px;border:1px solid #8c959f;border-radius:4px;margin:0 0 8px;width:min(100%,320px)}
.formula{display:grid;grid-template-columns:minmax(110px,190px) 1fr;gap:6px 24px;margin:0 0 16px;padding:14px 18px;background:var(--pale);border-radius:4px}
.formula dt{color:var(--soft);font-size:14px;padding-top:2px}
.formula dd{margin:0;font-family:"STIX Two Text",Cambria,"Times New Roman",serif;font-size:17.5px;overflow-wrap:anywhere}
sub,sup{line-height:0;font-size:.72em}
figure{margin:0 0 20px;break-inside:avoid}
figure svg{display:block;width:100%;height:auto;font-family:inherit}
figcaption{font-size:14px;line-height:1.45;color:var(--soft);margin-top:6px;max-width:74ch}
.panel-title{font-size:13.5px;line-height:1.35;margin:0 0 2px;display:flex;justify-content:space-between;gap:4px 12px;flex-wrap:wrap}
.panel-title .name{font-weight:700;color:var(--ink)}
.panel-title .prose{font-weight:700;color:var(--ink);font-size:14.5px}
.panels .panel-title{display:block}.panels .panel-title span{display:block}
.panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(270px,1fr));gap:14px 28px;margin:14px 0 10px}
.panels figure{margin:0}
.pairs{display:grid;grid-template-columns:repeat(auto-fill,minmax(440px,1fr));gap:20px 40px;margin:14px 0 10px}
.pairs figure{margin:0}
.mixing{display:grid;grid-template-columns:minmax(0,1fr);gap:14px;margin:14px 0 10px}
.mixing .row{break-inside:avoid}
.mixing .two{display:grid;grid-template-columns:520fr 330fr;gap:18px}
.mixing figure{margin:0}
.one{max-width:720px}
.legend{display:flex;flex-wrap:wrap;gap:4px 20px;font-size:13.5px;color:var(--soft);margin:6px 0;padding:0;list-style:none;max-width:none}
.legend svg{width:34px;height:12px;vertical-align:-1px;margin-right:7px}
details{margin:6px 0 16px}
summary{cursor:pointer;font-size:14px;color:var(--link);width:fit-content}
summary:focus-visible{outline:2px solid var(--link);outline-offset:2px}
details>:not(summary){margin-top:8px}
pre{background:var(--pale);padding:10px 14px;border-radius:4px;font-size:13.5px;white-space:pre-wrap;overflow-wrap:anywhere;margin:0 0 12px}
.facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:4px 24px;margin:0 0 16px;font-size:15px}
.facts dt{color:var(--soft)}.facts dd{margin:0;overflow-wrap:anywhere}
@media (min-width:1120px){
.page{grid-template-columns:176px minmax(0,1fr)}
.toc{position:sticky;top:32px;align-self:start;margin:6px 0 0;line-height:1.5}
.toc ol{display:block}.toc li{margin:0 0 5px}
}
@media (max-width:620px){
.page{padding:20px 16px 60px}.figures-key{grid-template-columns:1fr 1fr}.checks li{grid-template-columns:1fr;gap:2px}.formula,.facts,.mixing .two{grid-template-columns:minmax(0,1fr)}
.pairs{grid-template-columns:minmax(0,1fr)}
}
@page{size:A4;margin:16mm 15mm}
@media print{
body{font-size:10pt}
.page{display:block;max-width:none;padding:0}
.toc,.filter{display:none}
h1{font-size:19pt}h2{font-size:14pt;margin-top:22pt;break-after:avoid}h3{font-size:11pt;break-after:avoid}
p,li{orphans:3;widows:3}
table{font-size:8pt;min-width:0}th,td{padding:2.5pt 5pt}
thead{display:table-header-group}.short,.facts{break-inside:avoid}.pairs table{font-size:7pt}.pairs th,.pairs td{padding:1.5pt 3pt}tr,.verdict,.formula,.checks li{break-inside:avoid}
.scroll{overflow:visible}
.panels{grid-template-columns:repeat(3,1fr);gap:10pt 14pt}.pairs{grid-template-columns:1fr 1fr;gap:12pt 18pt}
.legend,figcaption,small,.small,caption,.panel-title{font-size:8.5pt}.lede{font-size:11pt}.facts,.formula dt{font-size:9.5pt}.formula dd{font-size:12pt}.verdict .head{font-size:13pt}summary{font-size:9pt}.panel-title .prose{font-size:9.5pt}
.figures-key dd{font-size:13pt}
a{color:inherit;text-decoration:none}
details::details-content{content-visibility:visible;display:block}
summary{list-style:none;color:var(--soft)}summary::-webkit-details-marker{display:none}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
`;
