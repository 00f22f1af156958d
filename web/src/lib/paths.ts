// Addresses of things. Clause ids hold dots, which a file server takes for a file's ending, so they go in the query.

export const recordPath = (kind: string, id: string | number) => `/registry/${kind}/${encodeURIComponent(id)}`;
export const clausePath = (id: string) => `/clauses/one?id=${encodeURIComponent(id)}`;
export const findingPath = (id: string | number) => `/findings/${encodeURIComponent(id)}`;
