export const writePlots = () => {};
