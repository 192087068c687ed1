//! What needs a RabbitMQ broker. What was ordered is used by an AMQP client that knows nothing of vend.

mod gate;
mod server;

mod canary;
mod example;
mod kill;
mod life;
mod refused;
