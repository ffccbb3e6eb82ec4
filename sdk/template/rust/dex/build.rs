fn main() {
    gantry_sdk::build::plugin("plugin.json");
}
