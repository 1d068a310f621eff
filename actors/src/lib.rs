//! Event-sourced virtual actors on Dapr.
