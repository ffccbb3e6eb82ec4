# Warnings and sanitizers for our own targets; nothing here reaches a plugin author's build.
add_library(gantry_options INTERFACE)
target_compile_options(gantry_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Wno-missing-field-initializers)
if(GANTRY_SANITIZE)
  # For plugins too: they are loaded into the same process.
  add_compile_options(-fsanitize=${GANTRY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${GANTRY_SANITIZE})
endif()
