// The machine's steady clock for as long as the program runs: for whoever is called late, as the
// requests of an HTTP pool are that outlives who asked.
//
// THREADS  [any thread]
#pragma once
#include "host/ports/clock.hpp"

namespace gantry::host {

inline const Clock& process_clock() {
  static const SteadyClock clock;
  return clock;
}

}  // namespace gantry::host
