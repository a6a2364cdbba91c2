//! What lies between a node and its engine, and can be cut as a network can.

use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Ends with the test.
pub struct Proxy {
    pub port: u16,
    way: Arc<watch::Sender<Way>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    To(u16),
    /// Nothing comes through, and nobody is told.
    Nowhere,
}

impl Proxy {
    pub async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let way = Arc::new(watch::Sender::new(Way::To(port)));
        let ways = Arc::clone(&way);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, ways.subscribe()));
            }
        });
        Self { port: own, way }
    }

    pub fn cut(&self) {
        self.way.send_replace(Way::Nowhere);
    }

    /// To the same engine again, or to another.
    pub fn lead_to(&self, port: u16) {
        self.way.send_replace(Way::To(port));
    }
}

async fn carry(mut client: TcpStream, mut ways: watch::Receiver<Way>) {
    let began = *ways.borrow_and_update();
    if let Way::To(port) = began
        && let Ok(mut engine) = TcpStream::connect(("127.0.0.1", port)).await
    {
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut engine) => return,
            _ = ways.changed() => {}
        }
    }
    // Held open, and silent, until there is a way again; what it was is lost by then.
    let _ = ways.wait_for(|way| *way != Way::Nowhere).await;
}
