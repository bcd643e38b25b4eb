// One self-contained HTML page of a fit: figures as SVG, readable without its script.
import { renderPage } from './page.js';
import type { ReportInput } from './reportInput.js';
import { costSection } from './sections/cost.js';
import { dataSection } from './sections/data.js';
import { energySection } from './sections/energy.js';
import { groupsSection } from './sections/groups.js';
import { heldOutSection } from './sections/heldOut.js';
import { imputationSection } from './sections/imputation.js';
import { mediaSection } from './sections/media.js';
import { mixingSection } from './sections/mixing.js';
import { modelSection } from './sections/model.js';
import { populationSection } from './sections/population.js';
import { predictiveSection } from './sections/predictive.js';
import { checksSection, lede, overview } from './sections/summary.js';

/**
 * The report of a fit as one HTML document; reads and writes no files.
 * Links lead to the files `hierax fit` writes in the same folder. All text of the input is escaped.
 * Throws when draws are given for a name that has no row in `parameters`.
 */
export function renderReport(input: ReportInput): string {
  const sections = [
    checksSection(input),
    modelSection(input),
    dataSection(input),
    mediaSection(input),
    populationSection(input),
    groupsSection(input),
    predictiveSection(input),
    heldOutSection(input),
    imputationSection(input),
    mixingSection(input),
    energySection(input),
    costSection(input),
  ].filter((section) => section !== null);
  return renderPage({ title: input.title, lede: lede(input), overview: overview(input), sections });
}
