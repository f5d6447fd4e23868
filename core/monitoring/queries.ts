/** Only samples of what the reader chose, and where `more` holds, too. */
export const trialFilter = (more = ""): string =>
  `{point=~"$point",trial=~"$trial",host=~"$host"${more === "" ? "" : `,${more}`}}`;

/** A query on one line, as Grafana's editor shows it. */
export const formatPromQl = (query: string): string => query.trim().replaceAll(/\s*\n\s*/g, " ");

const stands: Readonly<Record<string, string>> = {
  __rate_interval: "1m",
  __interval: "1s",
  __range: "1h",
  function: "rate",
  metric: "up",
  window: "1m",
};

/** A dashboard's query as Prometheus reads it once Grafana has put values in: something stands for each variable. */
export const withoutVariables = (query: string): string =>
  query.replaceAll(
    /\$(?:\{([A-Za-z_]\w*)(?::\w+)?\}|([A-Za-z_]\w*))/g,
    (_, braced: string | undefined, plain: string | undefined) => {
      return stands[braced ?? plain ?? ""] ?? ".*";
    },
  );
