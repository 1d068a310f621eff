/** What Better Auth's client says when it is refused. */
export interface AuthFailure {
  status?: number;
  code?: string;
  message?: string;
}

/** A refusal in words, and the field it is about, if it is about one. */
export interface AuthMessage {
  field?: "name" | "email" | "password";
  text: string;
}

const BY_CODE: Record<string, AuthMessage> = {
  INVALID_EMAIL_OR_PASSWORD: {
    text: "There is no account with this email and password. Check both and try again.",
  },
  INVALID_EMAIL: { field: "email", text: "This is not an email address." },
  PASSWORD_TOO_SHORT: { field: "password", text: "Use at least 8 characters." },
  PASSWORD_TOO_LONG: { field: "password", text: "Use at most 128 characters." },
  USER_ALREADY_EXISTS: {
    field: "email",
    text: "There is an account with this email already. Sign in instead.",
  },
};
BY_CODE.USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL = BY_CODE.USER_ALREADY_EXISTS as AuthMessage;

/** Says why signing in or up did not work, and what to do. */
export function authMessage({ status, code }: AuthFailure): AuthMessage {
  const known = code ? BY_CODE[code] : undefined;
  if (known) return known;
  if (status === 429) return { text: "Those were many tries. Wait a minute, then try again." };
  if (!status) return { text: "The server cannot be reached. Check your connection." };
  if (status >= 500)
    return { text: "This is not possible at the moment. Please try again shortly." };
  return { text: "That did not work. Check what you typed and try again." };
}

/** What is wrong with what was typed, before it is sent. */
export function checkFields(values: {
  name?: string;
  email: string;
  password: string;
  isNew: boolean;
}): AuthMessage | undefined {
  if (values.name !== undefined && !values.name.trim()) {
    return { field: "name", text: "What should we call you?" };
  }
  if (!/^\S+@\S+\.\S+$/.test(values.email.trim())) {
    return { field: "email", text: "Enter an email address, such as ann@example.com." };
  }
  if (!values.password) return { field: "password", text: "Enter your password." };
  if (values.isNew && values.password.length < 8) return BY_CODE.PASSWORD_TOO_SHORT;
  return undefined;
}
