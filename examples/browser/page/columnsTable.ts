// The table in which the user says what each column is for.
import type { OpenedFile } from '../messages.js';
import { type ColumnPreview, type Role, roleNames, type Roles, singleRoles } from '../roles.js';
import { byId, element } from './elements.js';

export class ColumnsTable {
  private readonly body = byId('columns', HTMLTableSectionElement);
  private readonly selects = new Map<string, HTMLSelectElement>();

  show({ columns, roles }: OpenedFile): void {
    this.selects.clear();
    this.body.replaceChildren(...columns.map((column) => this.row(column, roles[column.name])));
    this.mark();
  }

  get roles(): Roles {
    return Object.fromEntries([...this.selects].map(([name, { value }]) => [name, value as Role]));
  }

  private row({ name, kind, examples }: ColumnPreview, role: Role): HTMLTableRowElement {
    const options = Object.entries(roleNames).map(([value, text]) =>
      element('option', { value, selected: value === role }, text),
    );
    const select = element('select', { 'aria-label': `Role of ${name}` }, ...options);
    this.selects.set(name, select);
    select.addEventListener('change', () => {
      this.takeFromOthers(name, select.value as Role);
      this.mark();
    });
    const values = examples.length === 0 ? 'no values' : examples.map(shorten).join(', ');
    return element(
      'tr',
      {},
      element('th', { scope: 'row', class: 'name' }, name),
      element('td', { class: 'examples' }, values, element('span', { class: 'kind' }, kind)),
      element('td', {}, select),
    );
  }

  /** Columns that are not used step back. */
  private mark(): void {
    for (const select of this.selects.values()) select.classList.toggle('unused', select.value === 'unused');
  }

  /** A role that one column alone can have leaves the column that had it. */
  private takeFromOthers(name: string, role: Role): void {
    if (!singleRoles.includes(role)) return;
    for (const [other, select] of this.selects) if (other !== name && select.value === role) select.value = 'unused';
  }
}

/** The beginning of a cell. */
const shorten = (text: string): string => (text.length > 14 ? `${text.slice(0, 10)}…` : text);
