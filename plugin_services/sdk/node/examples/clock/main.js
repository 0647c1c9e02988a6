// The process: what `command` in plugway.toml starts.
import { serve } from "plugway-sdk";

import { plugin } from "./clock.js";

await serve(plugin);
