#include "io/wake.h"

static void on_wake(uv_async_t *handle)
{
    struct wake *w = handle->data;
    turn_mark(w->turn, w->item);
}

static void on_closed(uv_handle_t *handle)
{
    struct wake *w = handle->data;
    w->closed(w);
}

void wake_init(struct wake *w, struct turn *turn, struct turn_item *item)
{
    *w = (struct wake){.turn = turn, .item = item};
    uv_async_init(turn->loop, &w->handle, on_wake);
    w->handle.data = w;
    uv_unref((uv_handle_t *)&w->handle);
}

void wake_send(struct wake *w)
{
    uv_async_send(&w->handle);
}

void wake_close(struct wake *w, void (*closed)(struct wake *))
{
    turn_unmark(w->item);
    w->closed = closed;
    uv_close((uv_handle_t *)&w->handle, on_closed);
}
