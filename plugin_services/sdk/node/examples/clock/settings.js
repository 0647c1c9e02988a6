// Settings as JSON Schema; what it cannot say is judged by a function.
import { SettingsRefused } from "plugway-sdk";

import { isZone } from "./zones.js";

export const settings = {
  type: "object",
  additionalProperties: false,
  properties: {
    zones: {
      title: "Time zones",
      type: "array",
      items: { type: "string", maxLength: 64 },
      minItems: 1,
      maxItems: 50,
      default: ["UTC"],
    },
    reference: {
      title: "Server to compare with",
      description: "An http or https URL; its Date header is the time that counts.",
      type: "string",
      pattern: "^(https?://\\S+)?$",
      default: "",
    },
    token: {
      title: "Token for that server",
      type: "string",
      writeOnly: true,
      default: "",
    },
  },
};

export function refuseUnknownZones({ zones }) {
  const wrong = zones.findIndex((zone) => !isZone(zone));
  if (wrong >= 0) throw new SettingsRefused({ [`/zones/${wrong}`]: `there is no time zone '${zones[wrong]}'` });
}
