// The report of a fit: one record in, one HTML page out.
export { renderReport } from './renderReport.js';
export { renderComparison } from './comparison/renderComparison.js';
export type { ComparisonReportRow } from './comparison/renderComparison.js';
export { type ComparedModel, renderModelComparison } from './comparison/renderModelComparison.js';
export { renderCalibration } from './calibration/renderCalibration.js';
export type { ReportInput } from './reportInput.js';
