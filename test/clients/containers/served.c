// A model's container, as small as one can be: answers /ping and /invocations. What its environment
// says makes it misbehave.
//   MODE   exit: ends with status 3 at once; deaf: never listens; silent: answers /ping with 400;
//          hungry: takes memory without end at the first /invocations
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_term(int signal_number) {
  (void)signal_number;
  _exit(0);
}

static int is_mode(const char* mode) {
  const char* given = getenv("MODE");
  return given != NULL && strcmp(given, mode) == 0;
}

static int listen_on(int port) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  if (bind(listener, (struct sockaddr*)&address, sizeof address) != 0) _exit(4);
  listen(listener, 128);
  return listener;
}

static void eat(void) {
  for (;;) {
    char* more = malloc(1 << 20);
    if (more != NULL) memset(more, 1, 1 << 20);
  }
}

// "ARGUMENT MODEL": what it was started with and what it finds in /opt/ml/model/text.
static int describe(char* out, size_t size, const char* argument) {
  char model[128] = "none";
  FILE* file = fopen("/opt/ml/model/text", "r");
  if (file != NULL) {
    const size_t got = fread(model, 1, sizeof model - 1, file);
    model[got] = 0;
    fclose(file);
  }
  FILE* written = fopen("/opt/ml/model/written", "w");
  return snprintf(out, size, "%s %s %s", argument, model, written == NULL ? "read-only" : "open");
}

static void answer(int client, const char* argument) {
  char request[65536];
  const ssize_t got = read(client, request, sizeof request - 1);
  if (got <= 0) return;
  request[got] = 0;
  const int ping = strncmp(request, "GET /ping", 9) == 0;
  if (!ping && is_mode("hungry")) eat();
  char body[512] = "";
  const int length = ping ? 0 : describe(body, sizeof body, argument);
  char head[256];
  const int head_length =
      snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n",
               ping && is_mode("silent") ? "400 Bad Request" : "200 OK", length);
  if (write(client, head, (size_t)head_length) < 0 || write(client, body, (size_t)length) < 0)
    return;
}

int main(int argc, char** argv) {
  signal(SIGTERM, on_term);
  signal(SIGPIPE, SIG_IGN);
  const char* argument = argc > 1 ? argv[1] : "nothing";
  printf("started with %s\n", argument);
  fflush(stdout);
  if (is_mode("exit")) {
    fprintf(stderr, "no such weights\n");
    return 3;
  }
  while (is_mode("deaf")) pause();
  const char* port = getenv("SAGEMAKER_BIND_TO_PORT");
  const int listener = listen_on(port != NULL ? atoi(port) : 8080);
  for (;;) {
    const int client = accept(listener, NULL, NULL);
    if (client < 0) continue;
    answer(client, argument);
    close(client);
  }
}
