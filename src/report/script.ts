// The page's only script, never needed for reading: sorts and filters tables, opens the folded parts for printing.

export const SCRIPT = `
for (const table of document.querySelectorAll('table[data-sortable]')) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement('button');
    button.append(...head.childNodes);
    button.title = 'Sort by this column';
    head.append(button);
    button.addEventListener('click', () => {
      const down = head.getAttribute('aria-sort') === 'ascending';
      heads.forEach((other) => other.removeAttribute('aria-sort'));
      head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
      const compare = (a, b) => {
        const [x, y] = [a, b].map((row) => (key(row) === '' ? Infinity : Number(key(row))));
        return Number.isNaN(x) || Number.isNaN(y) ? key(a).localeCompare(key(b), undefined, { numeric: true }) : x - y;
      };
      body.append(...[...body.rows].sort((a, b) => (down ? -compare(a, b) : compare(a, b))));
    });
  });
  if (body.rows.length > 12) {
    const filter = document.createElement('input');
    filter.type = 'search';
    filter.className = 'filter';
    filter.placeholder = 'Show rows that contain …';
    filter.setAttribute('aria-label', 'Show rows that contain this text');
    filter.addEventListener('input', () => {
      const text = filter.value.toLowerCase();
      for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(text);
    });
    table.parentElement.before(filter);
  }
}
const folded = () => document.querySelectorAll('details:not([open])');
addEventListener('beforeprint', () => folded().forEach((part) => { part.open = true; part.dataset.folded = ''; }));
addEventListener('afterprint', () => document.querySelectorAll('details[data-folded]').forEach((part) => {
  part.open = false;
  delete part.dataset.folded;
}));
`;
