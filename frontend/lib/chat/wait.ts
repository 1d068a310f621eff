/** A pause that ends by itself, or when somebody ends it. One at a time. */
export class Wait {
  #end: (() => void) | undefined;

  /** Resolves after so many milliseconds, or once it is ended; undefined waits for that alone. */
  for(milliseconds: number | undefined): Promise<void> {
    this.end();
    return new Promise((resolve) => {
      const timer =
        milliseconds === undefined ? undefined : setTimeout(() => this.end(), milliseconds);
      this.#end = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  end(): void {
    const end = this.#end;
    this.#end = undefined;
    end?.();
  }
}
