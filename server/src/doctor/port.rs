//! The port: free, or this server's.

use std::io;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};

use super::http::{self, HttpError};
use super::{Finding, Patient, Setting};
use crate::causes::with_causes;

pub(super) async fn check(patient: Arc<Patient>) -> Finding {
    let configured = std::net::SocketAddr::new(patient.config.server.host, patient.config.server.port);
    if configured.port() == 0 {
        return Finding::pass("The server takes any free port", "Сервер берёт любой свободный порт");
    }
    let answer = http::own_health(&patient.config).await;
    match answer {
        Ok(()) => {
            Finding::pass(format!("The server answers on {configured}"), format!("Сервер отвечает на {configured}"))
        }
        Err(HttpError::Connect(_)) if patient.setting == Setting::CommandLine => free(configured).await,
        Err(error) => {
            let taken = TcpStream::connect(patient.local_address()).await.is_ok();
            let why = with_causes(&error);
            let finding = Finding::fail(
                format!("{configured} does not answer as this server does: {why}"),
                format!("{configured} отвечает не так, как этот сервер: {why}"),
            );
            if taken {
                finding.advise(
                    format!("Another program may have the port: ss -tlnp 'sport = :{}'. Stop it, or change server.port.", configured.port()),
                    format!("Порт мог занять другой процесс: ss -tlnp 'sport = :{}'. Остановите его или смените server.port.", configured.port()),
                )
            } else {
                finding.advise("Look into the server's log.", "Посмотрите журнал сервера.")
            }
        }
    }
}

/// Nobody answers there: can the server listen?
async fn free(address: std::net::SocketAddr) -> Finding {
    match TcpListener::bind(address).await {
        Ok(_) => Finding::pass(
            format!("{address} is free; the server is not running"),
            format!("{address} свободен; сервер не запущен"),
        ),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Finding::fail(
            format!("This account may not listen on {address}"),
            format!("Этой учётной записи нельзя слушать {address}"),
        )
        .advise(
            "Ports below 1024 need CAP_NET_BIND_SERVICE; the systemd unit that comes with the server gives it.",
            "Портам ниже 1024 нужен CAP_NET_BIND_SERVICE; поставляемый юнит systemd его даёт.",
        ),
        Err(error) => Finding::fail(
            format!("The server cannot listen on {address}: {error}"),
            format!("Сервер не сможет слушать {address}: {error}"),
        )
        .advise(
            "server.host must be an address of this machine (0.0.0.0 for all), and the port must be free.",
            "server.host должен быть адресом этой машины (0.0.0.0 — все), а порт — свободен.",
        ),
    }
}
