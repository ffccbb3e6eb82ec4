#include "host/cli/cli.hpp"

int main(int argc, char** argv) { return gantry::host::run_cli(argc, argv); }
