// What the single file of ECharts exports.
declare module 'echarts/dist/echarts.esm.min' {
  export { init } from 'echarts';
}
