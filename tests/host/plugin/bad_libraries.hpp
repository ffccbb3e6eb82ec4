// Libraries of GANTRY_BAD_PLUGIN_FOLDER that cannot be loaded, and what a user has to be told.
#pragma once

namespace gantry::test {

struct BadLibrary {
  const char* name;
  const char* reason;
  const char* remedy;
};

inline constexpr BadLibrary unloadable_libraries[] = {
    {"bad_magic", "wrong magic", "headers of a Gantry SDK"},
    {"bad_revision", "revision 2, this host knows 1", "newer host"},
    {"bad_init", "not on a day like this", "ask its author"},
    {"no_symbol", "does not export gantry_plugin", "GANTRY_PLUGIN("},
    {"unresolved_symbol", "gantry_function_that_is_nowhere", "rebuild it"},
};
// It loads, but no instance of it can be made.
inline constexpr BadLibrary throwing_library = {"create_throws", "no constructor today",
                                                "ask its author"};

}  // namespace gantry::test
