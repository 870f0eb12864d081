# Writes OUTPUT, a .cc that says which source it was built from; only when that has changed, so that nothing is
# compiled again for nothing. SOURCE is the source tree, FALLBACK the version where git cannot say.
execute_process(
  COMMAND git -C ${SOURCE} describe --always --dirty --tags
  OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed OR NOT described)
  set(described ${FALLBACK})
elseif(NOT described MATCHES "^v?[0-9]+\\.")
  set(described ${FALLBACK}-g${described})  # No tag yet: the commit alone would look like no version.
endif()
set(text "#include \"services/server/version.h\"\n\nstd::string_view capbroker::Version() { return \"${described}\"; }\n")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} old)
endif()
if(NOT "${old}" STREQUAL "${text}")
  file(WRITE ${OUTPUT} "${text}")
endif()
