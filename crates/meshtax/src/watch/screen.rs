//! `meshtax top` on the whole terminal. `attribution` decides what is shown; here are the terminal, the keys and the
//! time.

use std::io::{self, IsTerminal};
use std::mem::ManuallyDrop;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use agent::ThisHost;
use anyhow::Context;
use attribution::{Directory, Filter, Flow, Ink, Keystroke, LineForm, Next, Row, Screen, ScreenLook};
use jiff::Zoned;
use nix::sys::signal::{Signal, raise};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyModifiers};
use records::{Connection, EventKind};

use super::Watch;
use super::missed::own_up;
use crate::cli::TopOptions;
use crate::failure::Failure;

/// The longest wait before a key is answered.
const BLINK: Duration = Duration::from_millis(30);

/// Whether input and output are a terminal that can draw a screen, and the options allow one.
pub fn is_wanted(options: &TopOptions) -> bool {
    let can_draw = anstyle_query::term_supports_ansi_color();
    let is_watched = io::stdin().is_terminal() && io::stdout().is_terminal();
    options.watch.form() == LineForm::Text && !options.plain && is_watched && can_draw
}

/// Shows what moves until the user quits.
pub fn show(options: &TopOptions) -> Result<ExitCode, Failure> {
    let watch = Watch::begin(&options.watch)?;
    let mut stage = Stage::enter().context("cannot take over the terminal")?;
    let shown = perform(&watch, options, &mut stage);
    drop(stage);
    shown?;
    own_up(&watch.probe)
}

fn perform(watch: &Watch, options: &TopOptions, stage: &mut Stage) -> anyhow::Result<()> {
    let feed = watch.probe.feed(&[EventKind::Closed]).context("cannot follow ends")?;
    let keys = keys();
    let ink = if anstyle_query::no_color() { Ink::Plain } else { Ink::Colour };
    let mut screen = Screen::new(options.interval.0, ink);
    let mut looker = Looker::new(options);
    let mut closed = Vec::new();
    let mut shown = 0;
    stage.draw(&screen)?;
    while !watch.is_over() && options.watch.count.is_none_or(|count| shown < count) {
        closed.extend(feed.wait(watch.left().min(BLINK)));
        let mut is_new = false;
        while let Some(event) = next(&keys)? {
            is_new = true;
            if answer(&event, &mut screen, stage)? == Next::End {
                return Ok(());
            }
        }
        if looker.since.elapsed() >= screen.interval() {
            is_new = true;
            let open = watch.probe.connections().context("cannot read what is open")?;
            screen.take(looker.look(&closed, &open));
            closed.clear();
            shown += 1;
        }
        if is_new {
            stage.draw(&screen)?;
        }
    }
    Ok(())
}

/// Turns the probe's connections into rows of the screen.
struct Looker {
    flow: Flow,
    filter: Filter,
    directory: Directory,
    /// When the screen was last refreshed.
    since: Instant,
}

impl Looker {
    fn new(options: &TopOptions) -> Self {
        let (filter, directory) = (options.watch.filter(), Directory::new(ThisHost::default()));
        Self { flow: Flow::default(), filter, directory, since: Instant::now() }
    }

    fn look(&mut self, closed: &[Connection], open: &[Connection]) -> ScreenLook {
        let took = self.since.elapsed();
        self.since = Instant::now();
        self.directory.learn(open, agent::now());
        let moved = self.flow.since(closed, open).into_iter().filter(|moved| self.filter.admits(moved));
        let row = |connection: Connection| {
            let names = self.directory.names(&connection);
            Row { connection, names }
        };
        ScreenLook { at: Zoned::now(), took, rows: moved.map(row).collect() }
    }
}

/// Receives keys and changes of size. A thread of its own reads them until the program ends, because reading never
/// returns once a terminal has gone away.
fn keys() -> Receiver<io::Result<Event>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || while sender.send(event::read()).is_ok() {});
    receiver
}

/// The next event, if there is one.
fn next(keys: &Receiver<io::Result<Event>>) -> anyhow::Result<Option<Event>> {
    match keys.try_recv() {
        Ok(event) => Ok(Some(event.context("cannot read keys")?)),
        Err(TryRecvError::Empty) => Ok(None),
        Err(TryRecvError::Disconnected) => anyhow::bail!("the thread that reads keys has ended"),
    }
}

fn answer(event: &Event, screen: &mut Screen, stage: &mut Stage) -> anyhow::Result<Next> {
    let Event::Key(KeyEvent { code, modifiers, .. }) = event else { return Ok(Next::Stay) };
    if modifiers.contains(KeyModifiers::CONTROL) {
        match code {
            KeyCode::Char('c') => return Ok(Next::End),
            KeyCode::Char('z') => stage.step_aside().context("cannot give the terminal back")?,
            _ => (),
        }
        return Ok(Next::Stay);
    }
    Ok(key(*code).map_or(Next::Stay, |key| screen.press(key)))
}

fn key(code: KeyCode) -> Option<Keystroke> {
    Some(match code {
        KeyCode::Char(letter) => Keystroke::Letter(letter),
        KeyCode::Enter => Keystroke::Enter,
        KeyCode::Esc => Keystroke::Escape,
        KeyCode::Backspace => Keystroke::Backspace,
        KeyCode::Left => Keystroke::Left,
        KeyCode::Right => Keystroke::Right,
        KeyCode::Up => Keystroke::Up,
        KeyCode::Down => Keystroke::Down,
        KeyCode::PageUp => Keystroke::PageUp,
        KeyCode::PageDown => Keystroke::PageDown,
        KeyCode::Home => Keystroke::Home,
        _ => return None,
    })
}

/// The terminal, taken over until this is dropped. A panic also gives it back, before its message is printed.
struct Stage(ManuallyDrop<DefaultTerminal>);

impl Stage {
    fn enter() -> io::Result<Self> {
        let entered = ratatui::try_init();
        if entered.is_err() {
            ratatui::try_restore().ok();
        }
        Ok(Self(ManuallyDrop::new(entered?)))
    }

    fn draw(&mut self, screen: &Screen) -> anyhow::Result<()> {
        self.0.draw(|frame| screen.draw(frame)).context("cannot draw")?;
        Ok(())
    }

    /// Stops the program, as Ctrl-Z does, until the shell resumes it.
    fn step_aside(&mut self) -> io::Result<()> {
        self.0.show_cursor()?;
        ratatui::try_restore()?;
        raise(Signal::SIGTSTP)?;
        // A new terminal redraws everything, and asks the terminal nothing: the thread of the keys would read the
        // answer.
        *self.0 = ratatui::try_init()?;
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // If the terminal has gone away, there is nothing to give back. The library would print an error about it.
        self.0.show_cursor().ok();
        ratatui::try_restore().ok();
    }
}
