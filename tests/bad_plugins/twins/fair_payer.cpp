#include "tests/bad_plugins/fair_payer.hpp"

GANTRY_PLUGIN(gantry::bad::FairPayer);
