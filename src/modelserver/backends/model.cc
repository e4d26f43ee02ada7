#include "modelserver/backends/model.h"

#include "modelserver/formats/json_cursor.h"

namespace slipway::modelserver {

void answer_error(Answer& answer, std::uint16_t status, std::string_view sentence) {
  answer.status = status;
  answer.content_type = "application/json";
  answer.body = "{\"error\": ";
  append_json_string(answer.body, sentence);
  answer.body += '}';
}

}  // namespace slipway::modelserver
