/** What the options say of themselves that many verbs have. */
export const jsonText = 'print one JSON document and nothing else on standard output';
export const dryRunText = 'show what would be done, and do nothing';
export const yesText = 'do not ask';
