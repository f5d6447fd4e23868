/** `startPhase` → `start-phase`: an entry file's name from its function's. */
export const kebabCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
